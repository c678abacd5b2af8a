/** The time zone in which times are shown: `--time-zone`, else `TZ`, else this machine's. */
import { InvalidValue } from "effect/cli/CliError"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Invocation } from "../Invocation.ts"
import { isTimeZone } from "../plot/TimeAxis.ts"

export const zoneFlag = Flag.String("time-zone").pipe(
  Flag.withMetavar("ZONE"),
  Flag.mapEffect((text) =>
    isTimeZone(text)
      ? Effect.succeed(text)
      : Effect.fail(
          new InvalidValue({
            option: "time-zone",
            value: text,
            expected: "a name of the IANA's time zones, like Europe/Vienna or UTC",
            kind: "flag"
          })
        )
  )
)

export const shownZoneFlag = zoneFlag.pipe(
  Flag.withDescription("show times of this zone (default this machine's)"),
  Flag.optional
)

export const shownZone = (flag: Option.Option<string>): Effect.Effect<string, never, Invocation> =>
  Effect.map(Invocation, ({ env }) =>
    Option.getOrElse(flag, () =>
      env.TZ !== undefined && env.TZ !== "" && isTimeZone(env.TZ)
        ? env.TZ
        : Intl.DateTimeFormat().resolvedOptions().timeZone
    )
  )
