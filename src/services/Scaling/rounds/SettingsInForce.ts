/** Settings as the store's documents have them: of a group, else of every group, else the defaults. */
import { DateTime, Effect, Option, Schema } from "effect"
import type { Documents } from "../../Store/Documents.ts"
import type { StoredDocument } from "../../Store/StoredDocument.ts"
import type { EffectiveSettings } from "../LoadPrediction.ts"
import { shown } from "../../Queue/policy/Bounds.ts"
import { ScaleInvalid, type ScaleSettingsChange } from "../../Queue/PredictiveScaler.ts"
import {
  defaults,
  everyGroup,
  type ScaleSettings,
  ScaleSettings as Settings,
  ScaleSettingsPatch
} from "../ScaleSettings.ts"

import type { StoreError } from "../../Store/StoreError.ts"
import type { GridOf } from "./ForecastBook.ts"

export const scaleSettingsKind = "scale-settings"

const Stored = Schema.fromJsonString(ScaleSettingsPatch)
const decode = Schema.decodeUnknownOption(Stored)
const keys = Object.keys(Settings.fields) as ReadonlyArray<keyof ScaleSettings>
const noPatch: ScaleSettingsPatch = {}

export class SettingsInForce {
  private readonly patches: ReadonlyMap<string, ScaleSettingsPatch>
  private readonly versions: ReadonlyMap<string, number>
  private readonly resolved = new Map<string, ScaleSettings>()

  /** A document that is none counts as absent. */
  constructor(documents: ReadonlyArray<StoredDocument>) {
    this.patches = new Map(
      documents.map(({ key, text }) => [key, Option.getOrElse(decode(text), () => noPatch)] as const)
    )
    this.versions = new Map(documents.map(({ key, version }) => [key, version]))
  }

  /** Groups with settings of their own. */
  get named(): ReadonlyArray<string> {
    return [...this.patches.keys()].filter((key) => key !== everyGroup)
  }

  of(group: string): ScaleSettings {
    let settings = this.resolved.get(group)
    if (settings === undefined) {
      settings = { ...defaults, ...this.patches.get(everyGroup), ...this.patches.get(group) }
      this.resolved.set(group, settings)
    }
    return settings
  }

  /** Undefined for a group that is off. */
  readonly gridOf: GridOf = (group) => {
    const { mode, stepMs, timeZone } = this.of(group)
    return mode === "off" ? undefined : { stepMs, timeZone }
  }

  explained(group: string): EffectiveSettings {
    const own = this.patches.get(group) ?? noPatch
    const every = this.patches.get(everyGroup) ?? noPatch
    const from = (key: keyof ScaleSettings) =>
      group !== everyGroup && own[key] !== undefined ? "group" : every[key] !== undefined ? "every group" : "default"
    return {
      group,
      settings: this.of(group),
      from: Object.fromEntries(keys.map((key) => [key, from(key)])) as EffectiveSettings["from"]
    }
  }

  /**
   * The document after a change, undefined when nothing is left of it, and the version it replaces; or what is wrong.
   */
  changed(
    group: string,
    change: ScaleSettingsChange
  ): { readonly text: string | undefined; readonly version: number } | ScaleInvalid {
    const kept = Object.fromEntries(
      Object.entries({ ...this.patches.get(group), ...change }).filter(([, value]) => value !== undefined)
    )
    const patch = Schema.decodeUnknownExit(ScaleSettingsPatch)(kept)
    if (patch._tag === "Failure") {
      const wrong = Object.entries(change).find(
        ([key, value]) =>
          value !== undefined && Schema.decodeUnknownExit(ScaleSettingsPatch)({ [key]: value })._tag === "Failure"
      )
      return new ScaleInvalid({
        reason: "Setting",
        message: `${wrong?.[0] ?? "a setting"} is ${shown(wrong?.[1])}; see ScaleSettings for what is expected`
      })
    }
    const settings = { ...this.of(group), ...patch.value }
    if (settings.maxSlots !== null && settings.maxSlots < settings.minSlots)
      return new ScaleInvalid({
        reason: "Setting",
        message: `slots from ${settings.minSlots} to ${settings.maxSlots}; expected minSlots at most maxSlots`
      })
    if (Option.isNone(DateTime.zoneFromString(settings.timeZone)))
      return new ScaleInvalid({
        reason: "Setting",
        message: `timeZone is ${shown(settings.timeZone)}; expected an IANA name such as Europe/Vienna`
      })
    return {
      text: Object.keys(kept).length === 0 ? undefined : Schema.encodeSync(Stored)(patch.value),
      version: this.versions.get(group) ?? 0
    }
  }
}

export const readSettings = (documents: Documents["Service"]): Effect.Effect<SettingsInForce, StoreError> =>
  Effect.map(documents.all(scaleSettingsKind), (found) => new SettingsInForce(found))
