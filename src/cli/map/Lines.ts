/** Bytes into lines, as they come: a line is there as soon as its end is. A last one needs none. */
import * as Stream from "effect/Stream"
import * as ByteText from "../input/ByteText.ts"

/** Of each line its bytes; `separator` is one byte. Costs one copy of a line that lies in several chunks. */
export const splitBytes =
  (separator: number) =>
  <E>(bytes: Stream.Stream<Uint8Array, E>): Stream.Stream<Buffer, E> =>
    Stream.mapAccumArray(
      bytes,
      (): ReadonlyArray<Buffer> => [],
      (begun, chunks) => {
        const lines: Array<Buffer> = []
        let parts = [...begun]
        for (const chunk of chunks) {
          const buffer = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
          let from = 0
          for (let end = buffer.indexOf(separator); end >= 0; end = buffer.indexOf(separator, from)) {
            const last = buffer.subarray(from, end)
            lines.push(parts.length === 0 ? last : Buffer.concat([...parts, last]))
            parts = []
            from = end + 1
          }
          if (from < buffer.length) parts.push(buffer.subarray(from))
        }
        return [parts, lines]
      },
      { onHalt: (parts) => (parts.length === 0 ? [] : [Buffer.concat(parts)]) }
    )

/** The same as text; bytes that are not UTF-8 as `ByteText` has them. */
export const split =
  (separator: number) =>
  <E>(bytes: Stream.Stream<Uint8Array, E>): Stream.Stream<string, E> =>
    Stream.map(splitBytes(separator)(bytes), ByteText.decode)
