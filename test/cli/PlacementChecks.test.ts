import { assert, describe, it } from "@effect/vitest"
import { checkPlacements } from "../../src/cli/PlacementChecks.ts"
import { Placement } from "../../src/services/Queue/index.ts"

const waited: Placement.Evidence = { attempts: 20, runMs: 1000, cpuMs: 20, waitMs: 980, diskMs: 0, bytes: 0 }

const waits = (task: string, declared: string | null): Placement.Placement =>
  [1, 2].reduce(
    (known, minute) => Placement.learned(known, waited, minute * 60_000),
    Placement.unknown(task, declared, false)
  )

describe("what doctor says of placements", () => {
  it("names what was placed, and advises where a declared group does not fit or nobody serves the one that does", () => {
    assert.deepStrictEqual(
      checkPlacements([waits("mail", null), waits("report", "computation"), { ...waits("sms", null), held: true }]),
      [
        { name: "placement", state: "ok", found: "mail in network", advice: "" },
        {
          name: "placement",
          state: "warning",
          found: "sms fits group network, which no worker of it serves",
          advice: "give a worker slots: -g network=N"
        },
        {
          name: "placement",
          state: "warning",
          found: "report: of 50 ms it computes 2 %, 0 % of its waiting is for files, under 1 MiB each",
          advice: "it declares group computation and behaves like network: declare that, or leave the group out"
        }
      ]
    )
  })

  it("says so when nothing was placed", () => {
    assert.deepStrictEqual(checkPlacements([]), [
      { name: "placement", state: "ok", found: "no task was placed by its measures", advice: "" }
    ])
  })
})
