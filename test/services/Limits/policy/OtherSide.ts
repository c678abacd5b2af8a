/** Sides that take so many a second and say `Retry-After` in whole seconds, as servers do, on a virtual clock. */
export interface OtherSide {
  /** Undefined: taken. Else in how many seconds to come again. */
  readonly ask: (now: number) => number | undefined
}

const wholeSeconds = (ms: number) => Math.max(1, Math.ceil(ms / 1_000))

/** `limit` in each `windowMs`, counted anew with each window. */
export const fixedWindow = (limit: () => number, windowMs = 1_000, phaseMs = 0): OtherSide => {
  let window = -1
  let count = 0
  return {
    ask: (now) => {
      const current = Math.floor((now + phaseMs) / windowMs)
      if (current !== window) {
        window = current
        count = 0
      }
      if (count < limit()) {
        count++
        return undefined
      }
      return wholeSeconds((current + 1) * windowMs - phaseMs - now)
    }
  }
}

/** `limit` in any `windowMs`. */
export const slidingWindow = (limit: () => number, windowMs = 1_000): OtherSide => {
  const taken: Array<number> = []
  return {
    ask: (now) => {
      while (taken.length > 0 && taken[0]! <= now - windowMs) taken.shift()
      if (taken.length < limit()) {
        taken.push(now)
        return undefined
      }
      return wholeSeconds(taken[0]! + windowMs - now)
    }
  }
}

/** A bucket of `burst` that fills with `limit` a second. */
export const tokenBucket = (limit: () => number, burst: number): OtherSide => {
  let tokens = burst
  let at = 0
  return {
    ask: (now) => {
      tokens = Math.min(burst, tokens + ((now - at) * limit()) / 1_000)
      at = now
      if (tokens >= 1) {
        tokens--
        return undefined
      }
      return wholeSeconds(((1 - tokens) * 1_000) / limit())
    }
  }
}
