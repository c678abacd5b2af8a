/** Writes a line for each alert to the log of this process. */
import { Effect } from "effect"
import type { AlertSettings } from "../AlertSettings.ts"
import type { Alert } from "../Notification.ts"
import type { Sink } from "../Sink.ts"

export const alertLine = ({ rule: _, runbook, severity, status, text }: Alert): string =>
  status === "resolved"
    ? `resolved: ${text}`
    : `${severity} alert${status === "reminder" ? " (still)" : status === "test" ? " (test)" : ""}: ${text}; see ${runbook}`

const toLog = (line: string, isProblem: boolean) => (isProblem ? Effect.logWarning(line) : Effect.logInfo(line))

export const logSink = (log: Exclude<AlertSettings["log"], boolean> | undefined): Sink => {
  const write = log ?? toLog
  return {
    name: "log",
    send: ({ alerts }) =>
      Effect.forEach(alerts, (alert) => write(alertLine(alert), alert.status !== "resolved"), { discard: true }).pipe(
        Effect.as("written")
      )
  }
}
