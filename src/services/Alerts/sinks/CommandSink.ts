/**
 * Runs a program for each notification: no shell, the notification as JSON on standard input, what it says bounded, its
 * whole process group ended when it takes too long. Exit code 0 is taken for delivered.
 */
import { Duration, Effect, Layer, Stream } from "effect"
import * as ChildProcess from "effect/process/ChildProcess"
import { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import type { AlertSettings } from "../AlertSettings.ts"
import { durationText } from "../../Queue/policy/DurationText.ts"
import { withoutOwnSecrets } from "../../Queue/policy/SecretVariables.ts"
import { safeText } from "../policy/RuleText.ts"
import { NotDelivered, Refused, type Sink, SinkError } from "../Sink.ts"

/** Of what it writes so much is kept, in characters; the rest is read and dropped, so that it is not held up. */
const outputMost = 4096
const excerptMost = 200

const notDelivered = (message: string) => new SinkError({ reason: new NotDelivered({ message: safeText(message) }) })

export const commandSink = (
  [program, ...args]: readonly [string, ...ReadonlyArray<string>],
  settings: Pick<AlertSettings, "sendTimeout">
): Sink => ({
  name: `command ${program}`,
  send: (notification) =>
    Effect.gen(function* () {
      const spawner = yield* ChildProcessSpawner
      const handle = yield* spawner.spawn(
        ChildProcess.make(program, args, {
          stdin: Stream.make(new TextEncoder().encode(`${JSON.stringify(notification)}\n`)),
          env: withoutOwnSecrets(process.env),
          extendEnv: false,
          forceKillAfter: "1 second"
        })
      )
      let text = ""
      const reading = handle.all.pipe(
        Stream.decodeText(),
        Stream.runForEach((part) =>
          Effect.sync(() => {
            if (text.length < outputMost) text += part.slice(0, outputMost - text.length)
          })
        )
      )
      const [, exitCode] = yield* Effect.all([reading, handle.exitCode], { concurrency: 2 })
      const excerpt = text.trim() === "" ? "" : `: ${text.trim().slice(0, excerptMost)}`
      if (exitCode !== 0) return yield* notDelivered(`${program} ended with ${exitCode}${excerpt}`)
      return safeText(`${program} ended with 0${excerpt}`)
    }).pipe(
      Effect.scoped,
      Effect.timeoutOrElse({
        duration: settings.sendTimeout,
        orElse: () =>
          Effect.fail(
            notDelivered(
              `${program} was not done within ${durationText(Duration.toMillis(settings.sendTimeout))} and was ended`
            )
          )
      }),
      Effect.catchTag("PlatformError", (error) =>
        Effect.fail(
          error.reason._tag === "NotFound"
            ? new SinkError({
                reason: new Refused({ message: safeText(`${program} is not to be found or not executable`) })
              })
            : notDelivered(`${program}: ${error.message}`)
        )
      ),
      Effect.provide(
        Layer.unwrap(
          Effect.map(
            Effect.promise(() => import("@effect/platform-node/NodeServices")),
            ({ layer }) => layer
          )
        )
      )
    )
})
