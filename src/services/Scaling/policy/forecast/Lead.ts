import type { Archive } from "./Archive.ts"
import { Blend } from "./Blend.ts"
import { chance } from "./Chance.ts"
import { dimension, seasonFeatures, toLog, writeLogFeatures } from "./Features.ts"
import { countingMiss } from "./CountingNoise.ts"
import { Expectation } from "./Expectation.ts"
import { Intervals, type Quantiles } from "./Intervals.ts"
import { expectationRidge, modelNames, nothingModel, ridgeKinds, writeForecasts } from "./Models.ts"
import { Rate } from "./Rate.ts"
import { Ridge } from "./Ridge.ts"
import type { Series } from "./Series.ts"
import { type Misses, Spread, spreadDimension } from "./Spread.ts"
import { Tally } from "./Tally.ts"

const models = modelNames.length
/**
 * Days over which errors fade in the weights of models, in the spread, and in the quantiles; and the fewest steps for
 * each.
 */
const blendDays = 7
const spreadDays = 28
const quantileDays = 14
const expectationDays = 14
const qualityDays = 3
const fewest = { ridge: 300, blend: 500, spread: 300, quantiles: 200, quality: 200 }
/**
 * Steps between two solutions of a regression: often while it has learned little, then as its sums change, which is
 * slower the longer its memory is.
 */
const solveEvery = { first: 2, least: 8, most: 60 }
const learning = { first: 100, memories: 200 }

/** Penalty on weights, as a share of each feature's own energy. */
const penalty = 0.003
/**
 * Floors of the spread, as shares of the typical error and of counting noise. A quarter: a few lucky steps do not make
 * the interval collapse, and a load that is steadier than chance still gets a narrow one.
 */
const leastOfMiss = 0.25
/** And its ceiling: a fit on little data may say anything. */
const mostOfMiss = 6
const leastOfNoise = 0.25
/** Only used within one call. */
const logs = new Float32Array(dimension)

/** What is told of a step. */
export interface Outlook extends Quantiles {
  readonly mean: number
  readonly expected: number
  /** Typical absolute error of the root. */
  readonly spread: number
}

/** Numbers of a forecast that waits for its count. */
const fields = {
  level: 0,
  mean: 1,
  expected: 2,
  spread: 3,
  low: 4,
  high: 5,
  continuousNinety: 6,
  discreteNinety: 7,
  last: 8,
  yesterday: 9,
  rate: 10
} as const
const width = Object.keys(fields).length

/**
 * All that is learned for distances from one to another: their regressions (direct forecasts, one model each; G.
 * Chevillon, Direct multi-step estimation and forecasting, 2007), the weights of models, the spread of errors and the
 * intervals. What it forecasts waits here, with the features it was made from, until its count comes: nothing is
 * learned from what was not known then.
 *
 * Each step is forecast once, from one of these distances, which chance chooses. What was learned from a single
 * distance would be wrong for the others: a day ahead, repeating the last count is right, and only there.
 */
export class Lead {
  readonly from: number
  readonly to: number
  readonly blend = new Blend(models)
  readonly tally = new Tally()
  private readonly ridges = ridgeKinds.map(() => new Ridge(dimension))
  private readonly spread = new Spread()
  private readonly intervals = new Intervals()
  private learned = 0
  /** Typical absolute error of roots. */
  private miss = 0
  private readonly expectation: Expectation
  private readonly rate = new Rate()
  /** What it said, by row. */
  private readonly rated: Float64Array
  /**
   * One row per step that is waited for, at its number modulo the farthest distance; a last one for what is forecast
   * and not kept.
   */
  private readonly features: Float32Array
  private readonly spreadFeatures: Float32Array
  private readonly forecasts: Float64Array
  private readonly told: Float64Array

  constructor(from: number, to: number) {
    this.from = from
    this.to = to
    this.expectation = new Expectation(models, from, to)
    this.rated = new Float64Array(to + 1)
    this.blend.weights[nothingModel] = 0
    this.features = new Float32Array((to + 1) * dimension)
    this.spreadFeatures = new Float32Array((to + 1) * spreadDimension)
    this.forecasts = new Float64Array((to + 1) * models)
    this.told = new Float64Array(to * width)
  }

  get middle(): number {
    return Math.sqrt(this.from * this.to)
  }

  /** How many steps before it a step is forecast. */
  distanceOf(step: number): number {
    return this.from + (chance(step) % (this.to - this.from + 1))
  }

  /** The model that weighs most. */
  get model(): string {
    const { weights } = this.blend
    return modelNames[weights.indexOf(Math.max(...weights))]!
  }

  private look(series: Series, misses: Misses, ahead: number, row: number) {
    const { forecasts, features, spreadFeatures } = this
    const at = row * models
    const level = writeForecasts(series, this.ridges, ahead, features, row * dimension, forecasts, at)
    const mean = this.blend.mix(forecasts, at)
    const rated = this.rate.of(Math.sqrt(forecasts[at + expectationRidge]!))
    const expected = this.expectation.of(forecasts, at, rated)
    this.rated[row] = rated
    const rate = 0.5 * (expected + rated)
    const learned = this.spread.at(series, misses, ahead, mean, level, spreadFeatures, row * spreadDimension)
    const noise = countingMiss * Math.min(1, 2 * Math.sqrt(mean))
    const spread = Math.max(
      Math.min(learned, mostOfMiss * this.miss),
      leastOfMiss * this.miss,
      leastOfNoise * noise,
      1e-3
    )
    return { level, mean, expected, rate, spread }
  }

  /** What to tell of the step `ahead` on. `widen`: factor on the spread. */
  outlook(series: Series, misses: Misses, ahead: number, widen: number): Outlook {
    const { expected, mean, rate, spread } = this.look(series, misses, ahead, this.to)
    return { mean, expected, spread: spread * widen, ...this.intervals.quantiles(mean, rate, spread * widen) }
  }

  /** Forecasts the steps that are to be forecast from here, and keeps that until their counts come. */
  remember(series: Series, misses: Misses, widen: number): void {
    for (let ahead = this.from; ahead <= this.to; ahead++) {
      if (this.distanceOf(series.last + ahead) === ahead) this.rememberOne(series, misses, ahead, widen)
    }
  }

  private rememberOne(series: Series, misses: Misses, ahead: number, widen: number): void {
    const target = series.last + ahead
    const row = target % this.to
    const { expected, level, mean, rate, spread } = this.look(series, misses, ahead, row)
    const quantiles = this.intervals.quantiles(mean, rate, spread * widen)
    const yesterday = series.calendar.back(target, series.calendar.day * Math.ceil(ahead / series.calendar.day))
    const { history } = series
    const at = row * width
    const { told } = this
    told[at + fields.level] = level
    told[at + fields.mean] = mean
    told[at + fields.expected] = expected
    told[at + fields.rate] = rate
    told[at + fields.spread] = spread
    told[at + fields.low] = quantiles.p05
    told[at + fields.high] = quantiles.p95
    told[at + fields.continuousNinety] = this.intervals.continuous(mean, spread).p90
    told[at + fields.discreteNinety] = rate < 16 ? this.intervals.discrete(rate).p90 : 0
    told[at + fields.last] = history.at(series.last) ** 2
    told[at + fields.yesterday] = history.has(yesterday) ? history.at(yesterday) ** 2 : told[at + fields.last]!
  }

  /**
   * Learns from the count of a step. Answers the error of its root and the spread that was expected; undefined when it
   * was not forecast.
   */
  learn(count: number, step: number, day: number): { readonly error: number; readonly spread: number } | undefined {
    if (step < this.distanceOf(step)) return undefined
    const row = step % this.to
    const at = row * width
    const told = (field: keyof typeof fields) => this.told[at + fields[field]]!
    const memory = (days: number, least: number) => Math.max(least, days * day)
    const root = Math.sqrt(count)
    this.learned++
    this.learnRidges(root, told("level"), row, step, day)
    this.blend.update(this.forecasts, row * models, count, memory(blendDays, fewest.blend))
    this.expectation.update(
      this.forecasts,
      row * models,
      this.rated[row]!,
      count,
      memory(expectationDays, fewest.ridge),
      memory(expectationDays, fewest.blend)
    )
    const error = root - Math.sqrt(told("mean"))
    this.spread.update(this.spreadFeatures, row * spreadDimension, Math.abs(error), memory(spreadDays, fewest.spread))
    this.rate.update(
      Math.sqrt(this.forecasts[row * models + expectationRidge]!),
      count,
      memory(expectationDays, fewest.ridge)
    )
    if (step % solveEvery.least === 0) this.rate.solve()
    const inTold = {
      mean: told("mean"),
      expected: told("rate"),
      spread: told("spread"),
      low: told("low"),
      high: told("high"),
      continuousNinety: told("continuousNinety"),
      discreteNinety: told("discreteNinety")
    }
    this.intervals.update(count, inTold, memory(quantileDays, fewest.quantiles))
    const said = { ...inTold, expected: told("expected"), last: told("last"), yesterday: told("yesterday") }
    this.tally.update(count, said, 1 - 1 / memory(qualityDays, fewest.quality))
    return { error, spread: told("spread") }
  }

  private learnRidges(root: number, level: number, row: number, step: number, day: number): void {
    let sum = 0
    writeLogFeatures(this.features, row * dimension, level, logs)
    ridgeKinds.forEach(({ bound, days, power, scale }, i) => {
      const ridge = this.ridges[i]!
      const error = Math.abs(root - Math.sqrt(this.forecasts[row * models + i]!))
      sum += error
      const limit = bound * this.miss
      const weight = (level + 0.3) ** power * (error > limit && limit > 0 ? limit / error : 1)
      const remembered = Math.max(fewest.ridge, days * day)
      const keep = 1 - 1 / remembered
      if (scale === "log") ridge.add(logs, 0, toLog(root, level), weight, keep)
      else ridge.add(this.features, row * dimension, root - level, weight, keep)
      if ((step + this.to + i) % this.solutions(remembered) === 0) ridge.solve(penalty)
    })
    this.miss += (sum / ridgeKinds.length - this.miss) / Math.min(this.learned, 4 * day)
    if (step % solveEvery.least === 0) this.spread.solve()
  }

  /** Steps between two solutions of a regression that remembers so many. */
  private solutions(remembered: number): number {
    if (this.learned < learning.first) return solveEvery.first
    const share = Math.round(Math.min(this.learned, remembered) / learning.memories)
    return Math.max(solveEvery.least, Math.min(solveEvery.most, share))
  }

  /** After a change of level: what was learned counts for half, weights of models are found anew. */
  shorten(): void {
    for (const ridge of this.ridges) ridge.fade(0.5)
    this.blend.shorten(100)
    this.expectation.shorten(100)
  }

  /** After another third season is tried. */
  forgetSeason(): void {
    for (const ridge of this.ridges) for (const feature of seasonFeatures) ridge.forget(feature)
  }

  carry(archive: Archive): void {
    for (const part of [
      ...this.ridges,
      this.blend,
      this.spread,
      this.expectation,
      this.rate,
      this.intervals,
      this.tally
    ]) {
      part.carry(archive)
    }
    const { to } = this
    archive.array(this.features.subarray(0, to * dimension))
    archive.array(this.spreadFeatures.subarray(0, to * spreadDimension))
    archive.array(this.forecasts.subarray(0, to * models))
    archive.array(this.rated.subarray(0, to))
    archive.array(this.told)
    this.learned = archive.number(this.learned)
    this.miss = archive.number(this.miss)
  }
}
