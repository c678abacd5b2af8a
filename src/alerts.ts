/** `sluice/alerts`: rules over the queue's figures, who is told, and silences. */
export * from "./services/Alerts/index.ts"
