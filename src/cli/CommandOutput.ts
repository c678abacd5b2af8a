/** Output of commands on its way to a terminal, as text; into pipes and files it goes byte for byte. */

/** Decodes one stream of one command, chunk by chunk; characters may be cut between chunks. */
export const makeDecode = (): ((chunk: Uint8Array) => string) => {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true })
  return (chunk) => decoder.decode(chunk, { stream: true })
}

/** Stands where bytes of a stream were not kept. */
export const leftOutLine = (bytes: number): string => `\n[... ${bytes} bytes left out ...]\n`
