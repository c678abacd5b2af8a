import * as Schema from "effect/Schema"
import { type Hours, hoursText } from "../services/Limits/index.ts"

/** When the jobs of a group start. */
export interface GroupHours {
  readonly group: string
  /** Undefined: at all hours. */
  readonly hours: Hours | undefined
  readonly from: "operator" | "declared" | "default"
  /** Milliseconds since 1970; undefined: it is open. */
  readonly opensAt: number | undefined
}

/** One line of `queue hours`. */
export const GroupHoursShape = Schema.Struct({
  group: Schema.String,
  /** As they are set: `mon-fri 22:00-06:00 Europe/Berlin`. Null: at all hours. */
  hours: Schema.NullOr(Schema.String),
  from: Schema.Literals(["operator", "declared", "default"]),
  /** In RFC 3339; null: it is open. */
  opensAt: Schema.NullOr(Schema.String)
})

export const toGroupHoursShape = ({ from, group, hours, opensAt }: GroupHours): typeof GroupHoursShape.Type => ({
  group,
  hours: hours === undefined ? null : hoursText(hours),
  from,
  opensAt: opensAt === undefined ? null : new Date(opensAt).toISOString()
})
