/**
 * The W3C trace context of a job: how the span that enqueued it is told to the one that runs it, by a header of the
 * job.
 */

/** The header's name, as the recommendation has it. */
export const traceHeader = "traceparent"

export interface SpanContext {
  readonly traceId: string
  readonly spanId: string
  readonly sampled: boolean
}

/** Version 00. Ids that are shorter than theirs should be are filled up. */
export const formatTraceParent = ({ sampled, spanId, traceId }: SpanContext): string =>
  `00-${traceId.padStart(32, "0")}-${spanId.padStart(16, "0")}-${sampled ? "01" : "00"}`

const pattern = /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?$/

/** Undefined for what is no trace context; whoever made the job may have written anything. */
export const parseTraceParent = (header: string | undefined): SpanContext | undefined => {
  const [, traceId, spanId, flags] = (header === undefined ? null : pattern.exec(header)) ?? []
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 }
}
