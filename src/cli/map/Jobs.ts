/** `-j`, `--load`: how many commands at a time, as GNU parallel has it. */
import * as Result from "effect/Result"

const most = 10_000
/** `-j 0`, as many as possible: a command takes up to three file descriptors, and a process often has 1024. */
const asMany = 250

const advice = "N, 0 for as many as possible, +N or -N for more or fewer than the cores, N% of them"

/** Whole numbers of commands, at least one. */
export const parseJobs = (text: string, cores: number): Result.Result<number, { readonly advice: string }> => {
  const found = /^([+-]?)(\d{1,6})(%?)$/.exec(text.trim())
  if (found === null || (found[1] !== "" && found[3] !== "")) return Result.fail({ advice })
  const [, sign, digits, percent] = found
  const number = Number(digits)
  if (sign !== "") return Result.succeed(Math.min(most, Math.max(1, cores + (sign === "+" ? number : -number))))
  if (percent !== "") return Result.succeed(Math.min(most, Math.max(1, Math.round((cores * number) / 100))))
  return number > most ? Result.fail({ advice: `at most ${most}` }) : Result.succeed(number === 0 ? asMany : number)
}

/** A load average, of so many cores. */
export const parseLoad = (text: string, cores: number): Result.Result<number, { readonly advice: string }> => {
  const found = /^(\d{1,6}(?:\.\d{1,3})?)(%?)$/.exec(text.trim())
  return found === null
    ? Result.fail({ advice: "a load average like 4 or 2.5, or a share of the cores like 80%" })
    : Result.succeed(found[2] === "%" ? (cores * Number(found[1])) / 100 : Number(found[1]))
}
