/** An attempt of a job on one line. */
import type { JobAttempt } from "../services/Queue/index.ts"
import * as HumanNumber from "./terminal/HumanNumber.ts"
import { relativeTime } from "./terminal/RelativeTime.ts"
import * as Sanitize from "./terminal/Sanitize.ts"

export const inWords = ({ endedAt, failure, outcome, session, startedAt }: JobAttempt, now: number): string =>
  [
    endedAt === undefined ? outcome : `${outcome} after ${HumanNumber.duration(endedAt - startedAt)}`,
    failure === undefined ? "" : `: ${Sanitize.line(failure.message)}`,
    `; worker ${session}, began ${relativeTime(startedAt, now)}`
  ].join("")
