import { assert, describe, it } from "@effect/vitest"
import {
  checkHours,
  type Hours,
  hoursText,
  openingTimes,
  parseHours,
  type Weekday,
  weekdays
} from "../../../../src/services/Limits/policy/Hours.ts"
import { OutOfBounds } from "../../../../src/services/Queue/policy/Bounds.ts"
import { SeededRandom, seeds } from "../../../support/SeededRandom.ts"

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour

const openAt = (text: string, at: string) => openingTimes(parseHours(text))(Date.parse(at))
const iso = (at: number | undefined) => (at === undefined ? undefined : new Date(at).toISOString())

const twoDigits = (value: number) => String(value).padStart(2, "0")
const timeOf = (minutes: number) => `${twoDigits(Math.floor(minutes / 60))}:${twoDigits(minutes % 60)}`

/** Zones whose clocks are changed at midnight, by half an hour, by two, by a day, for a month, and not at all. */
const zones = [
  "Europe/Berlin",
  "America/New_York",
  "America/Havana",
  "Australia/Lord_Howe",
  "Antarctica/Troll",
  "Antarctica/Casey",
  "Africa/Casablanca",
  "Pacific/Apia",
  "Asia/Kathmandu",
  "UTC"
]
/** Near some of these changes, in UTC. */
const changes = ["2026-03-29T01", "2026-10-25T01", "2026-03-08T05", "2026-11-01T05", "2011-12-30T10", "2023-03-08T16"]

const randomHours = (random: SeededRandom): Hours => {
  const windows = Array.from({ length: 1 + random.below(3) }, () => {
    const step = random.pick([1, 15, 60])
    const from = random.below(1440 / step) * step
    let to = (1 + random.below(1440 / step)) * step
    if (to === from) to = from === 0 ? 1440 : from - step || 1440
    const days = weekdays.filter(() => random.chance(0.6))
    return { days: days.length === 0 ? [random.pick(weekdays)] : days, from: timeOf(from), to: timeOf(to) }
  })
  return checkHours("hours", {
    windows,
    timeZone: random.chance(0.7) ? random.pick(zones) : random.pick(Intl.supportedValuesOf("timeZone"))
  })
}

const randomTime = (random: SeededRandom): number =>
  random.chance(0.7)
    ? Date.parse(`${random.pick(changes)}:00:00Z`) + random.below(2 * day) - day
    : Date.UTC(1980 + random.below(55), 0, 1) + random.below(365) * day + random.below(day)

/** Whether the clock on the wall shows a time in a window, asked of the calendar rather than of offsets. */
const wallOf = ({ timeZone, windows }: Hours) => {
  const calendar = new Intl.DateTimeFormat("en-GB", {
    timeZone,
    weekday: "short",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23"
  })
  return (at: number): boolean => {
    const [name, time] = calendar.format(at).replace(",", "").split(" ") as [string, string]
    const today = weekdays.indexOf(name.toLowerCase() as Weekday)
    const yesterday = weekdays[(today + 6) % 7]!
    return windows.some(({ days, from, to }) => {
      const begins = days.includes(weekdays[today]!) && time >= from
      return from < to ? begins && time < to : begins || (days.includes(yesterday) && time < to)
    })
  }
}

describe("hours", () => {
  for (const seed of seeds(2)) {
    it(`open and close when a walk from minute to minute says so, in any zone (seed ${seed})`, () => {
      const random = new SeededRandom(seed)
      for (let i = 0; i < 150; i++) {
        const hours = randomHours(random)
        const isOpen = wallOf(hours)
        const now = randomTime(random)
        const opening = openingTimes(hours)(now)
        const said = `${hoursText(hours)} at ${iso(now)}`
        assert.strictEqual(opening.isOpen, isOpen(now), said)
        let at = Math.floor(now / minute) * minute + minute
        const most = now + 8 * day
        while (at < most && isOpen(at) === opening.isOpen) at += minute
        if (at >= most) assert.isTrue(opening.changesAt === undefined || opening.changesAt >= most, said)
        else assert.strictEqual(iso(opening.changesAt), iso(at), said)
        assert.isTrue(opening.changesAt === undefined || opening.changesAt > now, said)
      }
    })

    it(`are the same when their text is read (seed ${seed})`, () => {
      const random = new SeededRandom(seed)
      for (let i = 0; i < 500; i++) {
        const hours = randomHours(random)
        assert.deepStrictEqual(parseHours(hoursText(hours)), hours)
        assert.deepStrictEqual(checkHours("hours", hours), hours)
      }
    })

    it(`answer the same from memory, whichever way the clock of the caller goes (seed ${seed})`, () => {
      const random = new SeededRandom(seed)
      for (let i = 0; i < 20; i++) {
        const hours = randomHours(random)
        const remembering = openingTimes(hours)
        let now = randomTime(random)
        for (let ask = 0; ask < 10; ask++) {
          now += random.pick([1, minute, hour, day, -hour, -1])
          assert.deepStrictEqual(remembering(now), openingTimes(hours)(now))
        }
      }
    })
  }

  it("reach over midnight and over the end of the week", () => {
    const night = "fri 22:00-06:00, sun 22:00-02:00 UTC"
    assert.deepStrictEqual(openAt(night, "2026-07-03T21:59:59.999Z"), {
      isOpen: false,
      changesAt: Date.parse("2026-07-03T22:00:00Z")
    })
    assert.deepStrictEqual(openAt(night, "2026-07-04T05:00:00Z"), {
      isOpen: true,
      changesAt: Date.parse("2026-07-04T06:00:00Z")
    })
    assert.deepStrictEqual(openAt(night, "2026-07-06T01:59:00Z"), {
      isOpen: true,
      changesAt: Date.parse("2026-07-06T02:00:00Z")
    })
  })

  it("that touch are one, and those of the whole week never change", () => {
    assert.strictEqual(
      iso(openAt("mon 00:00-12:00, mon 12:00-24:00 UTC", "2026-07-06T01:00:00Z").changesAt),
      "2026-07-07T00:00:00.000Z"
    )
    assert.deepStrictEqual(openAt("00:00-24:00 Europe/Berlin", "2026-03-29T01:00:00Z"), {
      isOpen: true,
      changesAt: undefined
    })
  })

  it("that the clock skips do not come, and those that it shows twice come twice", () => {
    const skipped = "02:15-02:45 Europe/Berlin"
    assert.strictEqual(iso(openAt(skipped, "2026-03-28T12:00:00Z").changesAt), "2026-03-30T00:15:00.000Z")
    assert.deepStrictEqual(openAt("02:30-06:00 Europe/Berlin", "2026-03-29T01:00:00Z"), {
      isOpen: true,
      changesAt: Date.parse("2026-03-29T04:00:00Z")
    })
    const twice = openingTimes(parseHours("22:00-02:30 Europe/Berlin"))
    const seen: Array<string> = []
    for (let at = Date.parse("2026-10-24T20:00:00Z"); seen.length < 4; ) {
      const { changesAt } = twice(at)
      seen.push(iso(changesAt)!)
      at = changesAt!
    }
    assert.deepStrictEqual(seen, [
      "2026-10-25T00:30:00.000Z",
      "2026-10-25T01:00:00.000Z",
      "2026-10-25T01:30:00.000Z",
      "2026-10-25T21:00:00.000Z"
    ])
  })

  it("are written as people write them", () => {
    const read = (text: string) => hoursText(parseHours(text))
    assert.strictEqual(read("22:00-6:00 Europe/Berlin"), "mon-sun 22:00-06:00 Europe/Berlin")
    assert.strictEqual(
      read(" Mon-Fri  9:00-12:00,13:00-17:00 , SAT,sun 0:00-24:00   UTC "),
      "mon-fri 09:00-12:00, mon-fri 13:00-17:00, sat-sun 00:00-24:00 UTC"
    )
    assert.strictEqual(read("fri-mon 01:00-02:00 UTC"), "mon,fri-sun 01:00-02:00 UTC")
    assert.strictEqual(read("mon,wed,fri 01:00-02:00 UTC"), "mon,wed,fri 01:00-02:00 UTC")
  })

  const form = "expected days, times and a zone like mon-fri 22:00-06:00 Europe/Berlin"
  const window = { days: ["mon"], from: "01:00", to: "02:00" } as const
  for (const [what, given, said] of [
    ["no text", "", `hours is ""; ${form}`],
    ["a zone alone", "Europe/Berlin", `hours is "Europe/Berlin"; ${form}`],
    ["no zone", "mon-fri 22:00-06:00", `hours is "mon-fri 22:00-06:00"; ${form}`],
    ["days without times", "01:00-02:00 mon UTC", `hours is "01:00-02:00 mon UTC"; ${form}`],
    ["no such day", "noon 01:00-02:00 UTC", `hours has "noon" in it; ${form}`],
    ["no such time", "mon 25:00-26:00 UTC", `hours has "25:00-26:00" in it; ${form}`],
    ["no such minute", "mon 01:60-02:00 UTC", `hours has "01:60-02:00" in it; ${form}`],
    [
      "an unknown zone",
      "mon 01:00-02:00 Mars/Base",
      'hours.timeZone is "Mars/Base"; expected the IANA name of a time zone such as Europe/Berlin'
    ],
    [
      "a window that never opens",
      "mon 22:00-22:00 UTC",
      "hours.windows[0] is from 22:00 to 22:00, which never opens; expected another time, or 00:00-24:00 for a whole day"
    ],
    [
      "a window that begins when the day has ended",
      "mon 24:00-02:00 UTC",
      'hours.windows[0].from is "24:00"; expected a time of day from 00:00 to 23:59'
    ],
    [
      "no windows",
      { windows: [], timeZone: "UTC" },
      "hours.windows is []; expected 1 to 100 windows, without which nothing ever opens"
    ],
    [
      "too many windows",
      { windows: Array.from({ length: 101 }, () => window), timeZone: "UTC" },
      'hours.windows is [{"days":["mon"],"from":"01:00","to":"02:00"},{"days":["mon…; expected 1 to 100 windows, without which nothing ever opens'
    ],
    [
      "no days",
      { windows: [{ ...window, days: [] }], timeZone: "UTC" },
      "hours.windows[0].days is []; expected at least one of mon, tue, wed, thu, fri, sat, sun"
    ],
    [
      "what is no day",
      { windows: [{ ...window, days: ["noon"] }], timeZone: "UTC" },
      'hours.windows[0].days[0] is "noon"; expected mon, tue, wed, thu, fri, sat, sun'
    ],
    [
      "a misspelt field",
      { windows: [{ ...window, day: "mon" }], timeZone: "UTC" },
      '"day" is no field of hours.windows[0]; known are days, from, to'
    ],
    ["nothing", null, "hours is null; expected an object"],
    ["a zone that is none", { windows: [window], timeZone: 1 }, undefined],
    ["times that are none", { windows: [{ ...window, from: 60 }], timeZone: "UTC" }, undefined],
    ["an endless text", `${"mon ".repeat(100_000)}01:00-02:00 UTC`, undefined],
    ["an endless text without a blank", "1".repeat(10_000_000), undefined]
  ] as const) {
    it(`refuse ${what} in one line`, () => {
      try {
        checkHours("hours", given as unknown as Hours)
      } catch (error) {
        assert.instanceOf(error, OutOfBounds)
        if (said !== undefined) assert.strictEqual((error as Error).message, said)
        assert.notInclude((error as Error).message, "\n")
        assert.isAtMost((error as Error).message.length, 300)
        return
      }
      assert.fail(`took ${what}`)
    })
  }
})
