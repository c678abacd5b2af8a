/** Mails for a server that takes so many a second. */
import { Schema } from "effect"
import { ResourceGroup, Task } from "../../../src/services/Queue/index.ts"

export const mailSlots = 10

export const Mail = Task.make("mail", {
  payload: Schema.Int,
  group: ResourceGroup.make("mail", 2 * mailSlots, {
    policy: { rate: { limit: 100, perMs: 1_000 }, adaptive: true }
  })
})

export interface MailWorkerConfig {
  readonly name: string
  readonly store: string
  /** Of the server. */
  readonly url: string
}
