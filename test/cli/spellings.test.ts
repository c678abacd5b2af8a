/** Every flag of every command means the same however it is spelled: the commands tell how they were read. */
import { assert, describe, it } from "@effect/vitest"
import type { FlagDescriptor } from "effect/cli/Completions"
import { Effect } from "effect"
import { type Leaf, makeReader } from "../support/cli/Parsed.ts"
import * as CommandLine from "./CommandLine.ts"

/**
 * Values that flags and arguments take; each takes the first that it understands and that changes how the command is
 * read.
 */
const values = [
  "9",
  "7m",
  "1m",
  "x",
  "2030-01-02T03:04:05Z",
  "10%",
  "now,fail=1",
  "failed",
  "INT",
  "3MB",
  "network=2",
  "id=1",
  "Europe/Vienna",
  "off",
  "seasonal",
  "0.7",
  "json",
  "aaaaaaaaaaa",
  "5/s",
  "cancel-newest"
]

const isSwitch = ({ type }: FlagDescriptor): boolean => type._tag === "Boolean"
const dashed = (alias: string): string => `${alias.length === 1 ? "-" : "--"}${alias}`
const valuesOf = ({ type }: FlagDescriptor): ReadonlyArray<string> =>
  type._tag === "Choice" ? type.values.toReversed() : values

/** Ways to write a flag without a value, the usual one first. */
const switchSpellings = ({ aliases, name }: FlagDescriptor): ReadonlyArray<ReadonlyArray<string>> => [
  [`--${name}`],
  [`--${name}=true`],
  ...aliases.map((alias) => [dashed(alias)])
]

/** Ways to write a flag with its value, the usual one first. */
const valueSpellings = ({ aliases, name }: FlagDescriptor, value: string): ReadonlyArray<ReadonlyArray<string>> => [
  [`--${name}`, value],
  [`--${name}=${value}`],
  ...aliases.flatMap((alias) => [
    [dashed(alias), value],
    [`${dashed(alias)}=${value}`],
    ...(alias.length === 1 ? [[`-${alias}${value}`]] : [])
  ])
]

const surroundings = Effect.gen(function* () {
  const { leaves, read } = yield* makeReader(yield* CommandLine.make)

  /** What a command cannot be called without. */
  const needed = (leaf: Leaf) =>
    Effect.gen(function* () {
      let words: ReadonlyArray<string> = []
      for (const { required, type } of leaf.arguments)
        if (required) words = [...words, type._tag === "Choice" ? type.values[0]! : "aaaaaaaaaaa"]
      if ((yield* read(leaf, words)) !== undefined) return words
      for (const flag of leaf.flags.filter((one) => !isSwitch(one)))
        for (const value of valuesOf(flag)) {
          const more = [`--${flag.name}`, value, ...words]
          if ((yield* read(leaf, more)) !== undefined) return more
        }
      for (const value of values) {
        const others = words.map((word) => (word === "aaaaaaaaaaa" ? value : word))
        if ((yield* read(leaf, others)) !== undefined) return others
      }
      return assert.fail(`no call of ${leaf.path.join(" ")} is known`)
    })

  /** The spellings of a flag, and how the command reads the usual one. */
  const spelled = (leaf: Leaf, flag: FlagDescriptor, base: ReadonlyArray<string>) =>
    Effect.gen(function* () {
      const without = yield* read(leaf, base)
      const tries = isSwitch(flag)
        ? [switchSpellings(flag)]
        : valuesOf(flag).map((value) => valueSpellings(flag, value))
      for (const spellings of tries) {
        const meant = yield* read(leaf, [...spellings[0]!, ...base])
        if (meant !== undefined && meant !== without) return { meant, spellings, without }
      }
      return assert.fail(`no value for --${flag.name} of ${leaf.path.join(" ")}`)
    })
  return { leaves, read, needed, spelled }
})

describe("the flags of all commands", () => {
  it.live(
    "mean the same by every spelling, before and behind the arguments",
    () =>
      Effect.gen(function* () {
        const { leaves, needed, read, spelled } = yield* surroundings
        assert.isAbove(leaves.length, 80)
        const wrong: Array<string> = []
        let aliases = 0
        for (const leaf of leaves) {
          const base = yield* needed(leaf)
          for (const flag of leaf.flags) {
            if (base.includes(`--${flag.name}`)) continue
            const { meant, spellings } = yield* spelled(leaf, flag, base)
            aliases += flag.aliases.length
            for (const words of spellings)
              for (const call of [
                [...words, ...base],
                [...base, ...words]
              ])
                if ((yield* read(leaf, call)) !== meant) wrong.push([...leaf.path, ...call].join(" "))
          }
        }
        assert.deepStrictEqual(wrong, [])
        assert.isAbove(aliases, 40)
      }),
    120_000
  )

  it.live("of one letter may stand together, the last of them with its value", () =>
    Effect.gen(function* () {
      const { leaves, needed, read, spelled } = yield* surroundings
      const wrong: Array<string> = []
      let pairs = 0
      for (const leaf of leaves) {
        const base = yield* needed(leaf)
        const lettered = leaf.flags.flatMap((flag) =>
          flag.aliases.filter((alias) => alias.length === 1).map((letter) => ({ flag, letter }))
        )
        const switches = [...lettered.filter(({ flag }) => isSwitch(flag)).map(({ letter }) => letter), "q"]
        for (const { flag, letter } of lettered)
          for (const before of switches.filter((other) => other !== letter)) {
            const { spellings } = yield* spelled(leaf, flag, base)
            const [, value] = spellings[0]!
            const meant = yield* read(leaf, [`-${before}`, ...spellings[0]!, ...base])
            const together = value === undefined ? [[]] : [[value], value]
            for (const more of together) {
              const words = typeof more === "string" ? [`-${before}${letter}${more}`] : [`-${before}${letter}`, ...more]
              pairs++
              if ((yield* read(leaf, [...words, ...base])) !== meant) wrong.push([...leaf.path, ...words].join(" "))
            }
          }
      }
      assert.deepStrictEqual(wrong, [])
      assert.isAbove(pairs, 40)
    })
  )

  it.live("take a value that begins with a dash, behind = or a space", () =>
    Effect.gen(function* () {
      const { leaves, read } = yield* surroundings
      const leaf = (path: string) => leaves.find((one) => one.path.join(" ") === path)!
      for (const [path, base, usual, others] of [
        ["map", ["x"], ["--jobs=-1"], [["-j", "-1"], ["-j-1"], ["--jobs", "-1"], ["-j=-1"]]],
        ["map", ["x"], ["-k", "--jobs=-1"], [["-kj-1"], ["-kj", "-1"], ["-k", "-j-1"]]],
        ["job ls", [], ["--sort=-ran"], [["--sort", "-ran"]]],
        ["job ls", [], ["--sort=-ran", "-g", "x"], [["-gx", "--sort", "-ran"]]],
        ["job logs", ["x"], ["--lines=-5"], [["-n-5"], ["-n", "-5"], ["--lines", "-5"]]],
        ["job logs", ["x"], ["--lines=-5", "--follow"], [["-fn-5"], ["-fn", "-5"]]]
      ] as const) {
        const meant = yield* read(leaf(path), [...usual, ...base])
        assert.isDefined(meant, usual.join(" "))
        for (const words of others)
          assert.strictEqual(yield* read(leaf(path), [...words, ...base]), meant, words.join(" "))
      }
    })
  )

  it.live("of every command may stand before the command and behind it", () =>
    Effect.gen(function* () {
      const { leaves, read } = yield* surroundings
      const leaf = leaves.find(({ path }) => path.join(" ") === "job ls")!
      const without = yield* read(leaf, [])
      for (const spellings of [
        [["--store", "job"], ["--store=job"]],
        [["--config", "map"], ["--config=map"]],
        [["--quiet"], ["-q"], ["--quiet=true"]],
        [["--shared"], ["--shared=true"]],
        [["--no-color"], ["--no-color=true"]],
        [["--verbose"], ["--verbose=true"]]
      ]) {
        const meant = yield* read(leaf, spellings[0]!)
        assert.isDefined(meant)
        assert.notStrictEqual(meant, without)
        for (const words of spellings)
          for (const path of [
            [...words, ...leaf.path],
            [leaf.path[0]!, ...words, leaf.path[1]!],
            [...leaf.path, ...words]
          ])
            assert.strictEqual(yield* read(leaf, [], path), meant, path.join(" "))
      }
    })
  )
})
