// Loads of many kinds, made from seeds: what a forecaster meets that was not chosen on public traces. Each is counts of
// steps of a regular grid, a missing one undefined, and how far local time is ahead of UTC.

import { SeededRandom } from "../../test/support/SeededRandom.ts"

export interface Load {
  readonly name: string
  readonly stepSeconds: number
  readonly counts: ReadonlyArray<number | undefined>
  /** Steps before the first forecast. */
  readonly from: number
  readonly offsetSeconds?: (step: number) => number
}

const daySeconds = 86_400

class Draws {
  private readonly random: SeededRandom

  constructor(seed: number) {
    this.random = new SeededRandom(seed)
  }

  uniform(low: number, high: number): number {
    return low + (high - low) * this.random.next()
  }

  /** Between two positive figures, any order of magnitude as likely as another. */
  magnitude(low: number, high: number): number {
    return Math.exp(this.uniform(Math.log(low), Math.log(high)))
  }

  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.random.next())) * Math.cos(2 * Math.PI * this.random.next())
  }

  poisson(mean: number): number {
    if (mean > 60) return Math.max(0, Math.round(mean + Math.sqrt(mean) * this.normal()))
    const limit = Math.exp(-mean)
    let count = -1
    for (let product = 1; product > limit; count++) product *= this.random.next()
    return Math.max(0, count)
  }

  /** By G. Marsaglia and W. W. Tsang, A simple method for generating gamma variables, 2000; of mean 1. */
  gamma(shape: number): number {
    if (shape < 1) return this.gamma(shape + 1) * ((shape + 1) / shape) * (1 - this.random.next()) ** (1 / shape)
    const d = shape - 1 / 3
    for (;;) {
      const x = this.normal()
      const v = (1 + x / Math.sqrt(9 * d)) ** 3
      if (v > 0 && Math.log(1 - this.random.next()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return (d * v) / shape
    }
  }

  pareto(index: number): number {
    return (1 - this.random.next()) ** (-1 / index)
  }
}

/** Time of day as a share of the day, from 0 to 1, and the number of the day. */
type Curve = (share: number, day: number) => number

const bump = (share: number, at: number, width: number): number => {
  const off = Math.abs(share - at)
  return Math.exp(-((Math.min(off, 1 - off) / width) ** 2))
}

const bell: Curve = (share) => 0.1 + bump(share, 0.55, 0.15)
const sine: Curve = (share) => 1 + 0.8 * Math.sin(2 * Math.PI * share)
const bimodal: Curve = (share) => 0.15 + bump(share, 0.42, 0.08) + 0.8 * bump(share, 0.66, 0.1)
const office: Curve = (share) => (share > 8 / 24 && share < 18 / 24 ? bimodal(share, 0) : 0)
const weekend = (day: number) => day % 7 > 4

interface Made {
  readonly days: number
  /** Expected count of a step. */
  readonly rate: (share: number, day: number, step: number) => number
  /** Variance beyond Poisson's, relative to the square of the mean. Default 0. */
  readonly dispersion?: number
  readonly missing?: (step: number) => boolean
  readonly offsetSeconds?: (step: number) => number
}

type Kind = (draws: Draws, steps: number) => Made

/** A level that wanders: logarithms of an autoregression that is drawn to 0 over so many steps. */
const wandering = (draws: Draws, length: number, spread: number, memory: number): Float64Array => {
  const keep = Math.exp(-1 / memory)
  const levels = new Float64Array(length)
  let log = 0
  for (let i = 0; i < length; i++) {
    log = keep * log + spread * Math.sqrt(1 - keep * keep) * draws.normal()
    levels[i] = Math.exp(log)
  }
  return levels
}

const usual = [0.2, 400] as const

const kinds: Readonly<Record<string, Kind>> = {
  "bell, each day": (draws) => {
    const scale = draws.magnitude(...usual)
    return { days: 10, rate: (share, day) => scale * bell(share, day) }
  },
  "sine, each day": (draws) => {
    const scale = draws.magnitude(...usual)
    return { days: 10, rate: (share, day) => scale * sine(share, day) }
  },
  "bell, weekly": (draws) => {
    const scale = draws.magnitude(...usual)
    const quiet = draws.uniform(0.2, 0.8)
    return { days: 20, rate: (share, day) => scale * (weekend(day) ? quiet : 1) * bell(share, day) }
  },
  "sine, weekly": (draws) => {
    const scale = draws.magnitude(...usual)
    const days = Array.from({ length: 7 }, () => draws.uniform(0.5, 1.5))
    return { days: 20, rate: (share, day) => scale * days[day % 7]! * sine(share, day) }
  },
  "two peaks, closed at weekends": (draws) => {
    const scale = draws.magnitude(...usual)
    return { days: 23, rate: (share, day) => (weekend(day) ? 0 : scale * bimodal(share, day)) }
  },
  "offices in another zone": (draws) => {
    const scale = draws.magnitude(...usual)
    const shift = draws.uniform(0.2, 0.7)
    return {
      days: 23,
      rate: (share, day) => {
        const local = share + shift
        const localDay = day + Math.floor(local)
        return weekend(localDay) ? 0 : scale * office(local % 1, localDay)
      }
    }
  },
  growing: (draws) => {
    const scale = draws.magnitude(...usual)
    const growth = draws.uniform(-0.04, 0.06)
    return { days: 16, rate: (share, day) => scale * (1 + growth) ** (day + share) * bell(share, day) }
  },
  "another level": (draws) => {
    const scale = draws.magnitude(...usual)
    const factor = draws.magnitude(0.3, 3)
    const at = draws.uniform(6, 9)
    return { days: 14, rate: (share, day) => scale * (day + share > at ? factor : 1) * sine(share, day) }
  },
  promotions: (draws) => {
    const scale = draws.magnitude(...usual)
    const promoted = Array.from({ length: 40 }, () => draws.uniform(0, 1) < 0.15)
    return {
      days: 18,
      rate: (share, day) => scale * (promoted[day] && share > 0.4 && share < 0.75 ? 2.5 : 1) * bell(share, day)
    }
  },
  "bursts with a heavy tail": (draws, steps) => {
    const scale = draws.magnitude(...usual)
    const load = new Float64Array(steps)
    for (let i = 0; i < steps; i++) {
      if (draws.uniform(0, 1) > 0.004) continue
      const size = Math.min(60, 2 * draws.pareto(1.3))
      for (let k = 0; k < 40 && i + k < steps; k++) load[i + k]! += size * Math.exp(-k / 6)
    }
    return { days: 14, rate: (share, day, step) => scale * (sine(share, day) + load[step]!) }
  },
  rare: (draws) => {
    const scale = draws.magnitude(0.01, 0.2)
    return { days: 14, rate: (share, day) => scale * bell(share, day) }
  },
  "rare, in batches": (draws, steps) => {
    const scale = draws.magnitude(2, 30)
    const batch = Float64Array.from({ length: steps }, () => (draws.uniform(0, 1) < 0.02 ? scale * draws.gamma(1) : 0))
    return { days: 14, rate: (_share, _day, step) => batch[step]! }
  },
  "the clock changes": (draws) => {
    const scale = draws.magnitude(...usual)
    const at = Math.floor(draws.uniform(8, 12))
    const forward = draws.uniform(0, 1) < 0.5 ? 3600 : -3600
    return {
      days: 15,
      rate: (share, day) => {
        const local = share + (day >= at ? forward / daySeconds : 0) + 1
        return scale * (weekend(day) ? 0.5 : 1) * bell(local % 1, day)
      },
      offsetSeconds: (day) => (day >= at ? forward : 0)
    }
  },
  "very many": (draws) => {
    const scale = draws.magnitude(1e4, 1e5)
    return { days: 12, rate: (share, day) => scale * (weekend(day) ? 0.6 : 1) * bimodal(share, day), dispersion: 0.002 }
  },
  "no season": (draws) => {
    const scale = draws.magnitude(0.05, 50)
    return { days: 9, rate: () => scale }
  },
  wandering: (draws, steps) => {
    const scale = draws.magnitude(...usual)
    const level = wandering(draws, steps, draws.uniform(0.2, 0.6), steps / draws.uniform(10, 60))
    return { days: 16, rate: (share, day, step) => scale * level[step]! * sine(share, day) }
  },
  overdispersed: (draws) => {
    const scale = draws.magnitude(...usual)
    const dispersion = draws.uniform(0.1, 1)
    return { days: 14, rate: (share, day) => scale * bell(share, day), dispersion }
  },
  "with gaps": (draws, steps) => {
    const scale = draws.magnitude(...usual)
    const gaps = Array.from({ length: 12 }, () => {
      const from = Math.floor(draws.uniform(0, steps))
      return [from, from + Math.floor(draws.magnitude(1, steps / 30))] as const
    })
    return {
      days: 15,
      rate: (share, day) => scale * (weekend(day) ? 0.5 : 1) * bimodal(share, day),
      missing: (step) => gaps.some(([from, to]) => step >= from && step < to)
    }
  },
  "a batch each hour": (draws) => {
    const scale = draws.magnitude(1, 40)
    return {
      days: 10,
      rate: (share, day) => scale * (bell(share, day) + ((share * 24) % 1 < 1 / 60 + 1e-9 ? 20 : 0))
    }
  }
}

export const kindNames: ReadonlyArray<string> = Object.keys(kinds)

/** One load of each kind. Other seeds, other levels, shapes and draws. */
export const loadsOf = (seed: number, stepSeconds: number, only?: ReadonlyArray<string>): ReadonlyArray<Load> =>
  kindNames
    .filter((name) => only === undefined || only.some((part) => name.includes(part)))
    .map((name): Load => {
      const draws = new Draws(seed * 1000 + kindNames.indexOf(name))
      const day = Math.round(daySeconds / stepSeconds)
      const { days, dispersion, missing, offsetSeconds, rate } = kinds[name]!(draws, 24 * day)
      const counts = Array.from({ length: days * day }, (_, step) => {
        const mean = rate((step % day) / day, Math.floor(step / day), step)
        const count = draws.poisson(dispersion === undefined ? mean : mean * draws.gamma(1 / dispersion))
        return missing?.(step) === true ? undefined : count
      })
      const load = { name, stepSeconds, counts, from: 6 * day }
      return offsetSeconds === undefined
        ? load
        : { ...load, offsetSeconds: (step) => offsetSeconds(Math.floor(step / day)) }
    })
