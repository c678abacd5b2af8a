/** Where notifications go. */
import { type Effect, Schema } from "effect"
import type { Notification } from "./Notification.ts"

/** It did not get through this time: no answer, a busy receiver. Worth another try. */
export class NotDelivered extends Schema.TaggedError<NotDelivered>()("NotDelivered", { message: Schema.String }) {}
/**
 * It will never get through as it is: refused by the receiver, or by our own rules. Correct the settings; the message
 * says what.
 */
export class Refused extends Schema.TaggedError<Refused>()("Refused", { message: Schema.String }) {}

export class SinkError extends Schema.TaggedError<SinkError>()("SinkError", {
  reason: Schema.Union([NotDelivered, Refused])
}) {
  override get message() {
    return this.reason.message
  }
}

export interface Sink {
  /** Stable over restarts: deliveries are counted by it. No secrets. */
  readonly name: string
  /** Answers what the receiver said, in one line that is safe to show. */
  readonly send: (notification: Notification) => Effect.Effect<string, SinkError>
}
