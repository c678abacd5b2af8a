import { Result } from "effect"
import { Base64 } from "effect/encoding"

/**
 * What carries state out and in again. A part names its fields once, in `carry(archive)`, and the same lines save and
 * restore it: a field cannot be written in one order and read in another. Numbers keep every bit, so what is restored
 * goes on exactly as it was.
 */
export class Archive {
  private readonly reading: boolean
  private bytes: Uint8Array
  private view: DataView
  private position = 0

  private constructor(reading: boolean, bytes: Uint8Array) {
    this.reading = reading
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  static writer(): Archive {
    return new Archive(false, new Uint8Array(4096))
  }

  /** Undefined when the text is not one of ours. */
  static reader(text: string): Archive | undefined {
    const bytes = Base64.decode(text)
    return Result.isSuccess(bytes) ? new Archive(true, bytes.success) : undefined
  }

  /** What was written. */
  text(): string {
    return Base64.encode(this.bytes.subarray(0, this.position))
  }

  /** Whether what was there has been read to the last byte, and no further. */
  get isRead(): boolean {
    return this.reading && this.position === this.bytes.length
  }

  private take(length: number): number {
    const at = this.position
    this.position += length
    if (!this.reading && this.position > this.bytes.length) {
      const larger = new Uint8Array(Math.max(this.position, 2 * this.bytes.length))
      larger.set(this.bytes)
      this.bytes = larger
      this.view = new DataView(larger.buffer)
    }
    return at
  }

  /** When reading, answers what was written, or `value` when there is nothing left; when writing, takes `value`. */
  number(value: number): number {
    const at = this.take(8)
    if (!this.reading) this.view.setFloat64(at, value, true)
    return at + 8 <= this.bytes.length ? this.view.getFloat64(at, true) : value
  }

  /** Writes the array, or fills it. Its length is not kept: it follows from the settings. */
  array(values: Float32Array | Float64Array): void {
    const width = values.BYTES_PER_ELEMENT
    for (let i = 0; i < values.length; i++) {
      if (width === 8) values[i] = this.number(values[i]!)
      else {
        const at = this.take(4)
        if (!this.reading) this.view.setFloat32(at, values[i]!, true)
        if (at + 4 <= this.bytes.length) values[i] = this.view.getFloat32(at, true)
      }
    }
  }
}
