/** Output of commands on its way to our own: byte for byte into pipes and files, made safe on a terminal. */
import * as Sanitize from "./terminal/Sanitize.ts"

/** Decodes and makes safe one stream of one command, chunk by chunk; characters may be cut between chunks. */
export const makeSafe = (): ((chunk: Uint8Array) => string) => {
  const decoder = new TextDecoder("utf-8")
  return (chunk) => Sanitize.block(decoder.decode(chunk, { stream: true }))
}
