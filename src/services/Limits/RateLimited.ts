/**
 * The other side takes no more for now. A handler that fails with this has not failed: no attempt is spent, its job is
 * due again when the other side said, and nothing else of its partition key (where the group's policy has a rule for
 * it, else of its group) starts before.
 *
 * ```ts
 * const send = HttpClient.post(url).pipe(Effect.flatMap(RateLimited.refuse))
 * ```
 */
import { Data, Effect } from "effect"
import { readRetryAfter, type RetryAfter, type RetryAfterInput, retryAfterOf, unsaidMs } from "./policy/RetryAfter.ts"

export type { RetryAfterInput } from "./policy/RetryAfter.ts"

export const rateLimitedTag = "sluice/RateLimited"

/** Header fields by name, as `fetch`, Effect's `HttpClient` and Node have them. */
export type HeaderFields =
  | { readonly get: (name: string) => string | null | undefined }
  | { readonly [name: string]: string | ReadonlyArray<string> | undefined }

/** As much of an answer as tells whether the request was refused. */
export interface AnswerOfOther {
  readonly status: number
  readonly headers: HeaderFields
}

const fieldOf = (headers: HeaderFields, name: string): string | undefined => {
  if (typeof headers.get === "function") return headers.get(name) ?? undefined
  const fields = headers as { readonly [name: string]: string | ReadonlyArray<string> | undefined }
  const value = fields[name] ?? Object.entries(fields).find(([key]) => key.toLowerCase() === name)?.[1]
  return typeof value === "string" ? value : value?.[0]
}

/** Too Many Requests, and Service Unavailable where it says for how long (RFC 6585, 4; RFC 9110, 15.6.4). */
const isRefusal = ({ headers, status }: AnswerOfOther): boolean =>
  status === 429 || (status === 503 && fieldOf(headers, "retry-after") !== undefined)

export class RateLimited extends Data.TaggedError(rateLimitedTag)<{
  /** Plain data, so that a handler in a thread may fail with it. */
  readonly when: RetryAfter
}> {
  /**
   * `retryAfter`: from when on it may be tried again, as a duration from now or as a time; at most a hundred years.
   * What is neither (it comes from the other side) is one second.
   */
  constructor({ retryAfter }: { readonly retryAfter: RetryAfterInput }) {
    super({ when: retryAfterOf(retryAfter) })
  }

  override get message(): string {
    return "The other side takes no more for now"
  }

  /** By the `Retry-After` of these headers, in seconds or as a date; without one after `otherwise`, by default 1 s. */
  static fromHeaders(headers: HeaderFields, otherwise: RetryAfterInput = unsaidMs): RateLimited {
    const text = fieldOf(headers, "retry-after")
    const said = text === undefined ? undefined : readRetryAfter(text, fieldOf(headers, "date"))
    if (said === undefined) return new RateLimited({ retryAfter: otherwise })
    return new RateLimited({ retryAfter: "at" in said ? new Date(said.at) : said.afterMs })
  }

  /** Of what a handler in a thread threw, which arrives as data: one of these, or `retryAfter` by its side. */
  static fromData({ retryAfter, when }: { readonly [field: string]: unknown }): RateLimited {
    const { afterMs, at }: { readonly [field: string]: unknown } =
      typeof when === "object" && when !== null ? { ...when } : {}
    return new RateLimited({ retryAfter: (typeof at === "number" ? new Date(at) : (afterMs ?? retryAfter)) as never })
  }

  /** Fails with `RateLimited` for an answer 429, or 503 with `Retry-After`; any other is passed on. */
  static refuse<Answer extends AnswerOfOther>(answer: Answer): Effect.Effect<Answer, RateLimited> {
    return isRefusal(answer) ? Effect.fail(RateLimited.fromHeaders(answer.headers)) : Effect.succeed(answer)
  }
}
