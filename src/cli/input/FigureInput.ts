/** A threshold in the unit of its metric: `10000`, `5%`, `30s`, `2GiB`, `high`. */
import * as ByteSize from "effect/ByteSize"
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import { type AlertMetrics, AlertText } from "../../services/Alerts/index.ts"
import { parseDuration } from "./DurationInput.ts"
import { parseSize } from "./SizeInput.ts"

/** What was expected, for the end of a line. */
const expected: { readonly [Unit in AlertMetrics.MetricUnit]: string } = {
  jobs: "a number of jobs, like 10000",
  share: "a percentage, like 5%",
  duration: "a duration, like 30s",
  bytes: "a size, like 2GiB",
  pressure: "elevated, high or critical",
  suspicion: "1: it is an alarm or not"
}

const number = (text: string): number | undefined => (/^\d+(\.\d+)?$/.test(text) ? Number(text) : undefined)

const read = (unit: AlertMetrics.MetricUnit, text: string): number | undefined => {
  switch (unit) {
    case "jobs": {
      const jobs = number(text.replaceAll(/(?<=\d)[,_](?=\d)/g, ""))
      return jobs !== undefined && Number.isInteger(jobs) ? jobs : undefined
    }
    case "share": {
      const percent = text.endsWith("%") ? number(text.slice(0, -1).trimEnd()) : undefined
      return percent === undefined ? undefined : percent / 100
    }
    case "duration": {
      const duration = parseDuration(text)
      return Result.isFailure(duration) ? undefined : Duration.toMillis(duration.success)
    }
    case "bytes": {
      const size = parseSize(text)
      return Result.isFailure(size) ? undefined : Option.getOrUndefined(ByteSize.toNumber(size.success))
    }
    case "pressure": {
      const level = AlertText.pressureLevels.indexOf(text)
      return level < 0 ? undefined : level
    }
    case "suspicion":
      return number(text)
  }
}

/** The figure, or what was expected instead. */
export const parseFigure = (unit: AlertMetrics.MetricUnit, text: string): Result.Result<number, string> => {
  const figure = read(unit, text.trim())
  return figure === undefined ? Result.fail(expected[unit]) : Result.succeed(figure)
}
