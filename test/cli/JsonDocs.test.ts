import { assert, describe, it } from "@effect/vitest"
import type { Schema } from "effect"
import { readFileSync } from "node:fs"
import { AsideShape } from "../../src/cli/commands/db/aside.ts"
import { BackupShape } from "../../src/cli/commands/db/backup.ts"
import { SchemaStatusShape } from "../../src/cli/commands/db/migrate.ts"
import { ExplanationShape } from "../../src/cli/job/ExplainJob.ts"
import { LogLineShape } from "../../src/cli/job/PrintLogs.ts"
import {
  AlertEventShape,
  AlertOverviewShape,
  AlertRuleShape,
  AlertStandingShape,
  SilenceShape,
  SinkAnswerShape
} from "../../src/api/AlertShape.ts"
import { BatchCurveShape, BatchStatusShape } from "../../src/api/BatchShape.ts"
import { CheckShape } from "../../src/api/CheckShape.ts"
import { AttemptShape, JobShape, JobSummaryShape } from "../../src/api/JobShape.ts"
import { GroupHoursShape } from "../../src/api/HoursShape.ts"
import { KeyPolicyShape, LimitShape } from "../../src/api/LimitShape.ts"
import { GroupOrderShape, PlaceShape } from "../../src/api/OrderShape.ts"
import {
  DiskUsageShape,
  FiguresShape,
  GroupShape,
  GroupStatusShape,
  QuantilesShape,
  QueueStatsShape,
  QueueStatusShape
} from "../../src/api/QueueShape.ts"
import {
  BaselineShape,
  CheckResultShape,
  ProfileDiffShape,
  ProfileFiguresShape,
  ProfileLineShape,
  TimingsShape,
  WorkerAnswerShape,
  WorkerFiguresShape
} from "../../src/api/ProfileShape.ts"
import { ProfilingReport, ScaleSettings, ScalingRecommendation } from "../../src/services/Queue/index.ts"
import { MemoryCollectionShape, MemoryHistoryShape, MemoryShape, MemoryStatusShape } from "../../src/api/MemoryShape.ts"
import {
  BacktestScoresShape,
  ForecastQualityShape,
  ForecastShape,
  GroupScalingShape,
  IntervalShape,
  ReplayShape,
  ScaleBacktestShape,
  ScaleDecisionShape,
  ScaleEventShape,
  ScaleExplanationShape,
  ScalePatternShape,
  ScaleSettingsShape,
  ScaleStatusShape
} from "../../src/api/ScaleShape.ts"
import { WorkerShape } from "../../src/api/WorkerShape.ts"
import { SoakResult } from "../../src/soak/SoakResult.ts"

const text = readFileSync(new URL("../../docs/cli-json.md", import.meta.url), "utf8")

/** The section whose heading names the command. */
const section = (command: string): string =>
  text.split(/^## /m).find((part) => part.split("\n")[0]!.includes(`\`${command}\``)) ?? ""

const shapes: ReadonlyArray<
  readonly [command: string, shape: { readonly fields: Schema.Struct.Fields }, alsoIn?: string]
> = [
  ["job ls", JobSummaryShape],
  ["job wait", JobSummaryShape],
  ["job get", JobShape, "job ls"],
  ["job get", AttemptShape],
  ["job watch", JobShape, "job ls"],
  ["dlq ls", JobShape, "job ls"],
  ["job logs", LogLineShape],
  ["queue group ls", GroupShape],
  ["queue limit ls", LimitShape],
  ["queue limit ls", KeyPolicyShape],
  ["job explain", ExplanationShape],
  ["queue status", QueueStatusShape],
  ["queue status", GroupStatusShape],
  ["queue order", GroupOrderShape],
  ["queue hours", GroupHoursShape],
  ["job explain", PlaceShape],
  ["queue stats", QueueStatsShape],
  ["queue stats", FiguresShape],
  ["queue stats", QuantilesShape],
  ["queue du", DiskUsageShape],
  ["batch status", BatchStatusShape],
  ["batch tune", BatchCurveShape],
  ["worker ls", WorkerShape],
  ["profile ls", ProfileLineShape],
  ["profile start", WorkerAnswerShape],
  ["profile figures", ProfileFiguresShape],
  ["profile figures", WorkerFiguresShape],
  ["profile get", ProfilingReport.ProfilingReport],
  ["profile get", ProfilingReport.ProcessFigures],
  ["profile get", ProfilingReport.TaskFigures],
  ["profile get", ProfilingReport.SlowAttempt],
  ["profile get", ProfilingReport.OwnerProfile],
  ["profile run", TimingsShape],
  ["profile diff", ProfileDiffShape],
  ["profile baseline save", BaselineShape],
  ["profile check", CheckResultShape],
  ["memory status", MemoryShape],
  ["memory status", MemoryStatusShape],
  ["memory status", MemoryHistoryShape],
  ["memory gc", MemoryCollectionShape],
  ["scale status", ScaleStatusShape],
  ["scale status", GroupScalingShape],
  ["scale status", ForecastQualityShape],
  ["scale status", ScaleDecisionShape],
  ["scale explain", ScaleExplanationShape, "scale status"],
  ["scale forecast", ForecastShape],
  ["scale forecast", IntervalShape],
  ["scale backtest", ScaleBacktestShape],
  ["scale backtest", BacktestScoresShape],
  ["scale backtest", ReplayShape],
  ["scale set", ScaleSettingsShape],
  ["scale set", ScaleSettings.ScaleSettings],
  ["scale event ls", ScaleEventShape],
  ["scale patterns", ScalePatternShape],
  ["scale recommendation", ScalingRecommendation.Recommendation],
  ["scale recommendation", ScalingRecommendation.GroupRecommendation],
  ["scale recommendation", ScalingRecommendation.ForecastSummary],
  ["alert ls", AlertOverviewShape],
  ["alert ls", AlertStandingShape],
  ["alert ls --rules", AlertRuleShape],
  ["alert ls --silences", SilenceShape],
  ["alert history", AlertEventShape],
  ["alert test", SinkAnswerShape],
  ["doctor", CheckShape],
  ["db doctor", CheckShape],
  ["db aside", AsideShape],
  ["db status", SchemaStatusShape],
  ["db backup", BackupShape],
  ["soak", SoakResult]
]

describe("docs/cli-json.md", () => {
  for (const [command, { fields }, alsoIn] of shapes) {
    it(`names every field of ${command}`, () => {
      const where = section(command) + (alsoIn === undefined ? "" : section(alsoIn))
      assert.notStrictEqual(where, "")
      for (const field of Object.keys(fields)) assert.include(where, `\`${field}\``)
    })
  }
})
