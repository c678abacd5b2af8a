/**
 * Which chunks of a stream are under way, whether another fits, and which ended ones are committed next: the
 * back-pressure and the order of a stream.
 */

/**
 * What a byte of a chunk's input is counted as: the text, the items decoded from it, their results, and as much again
 * for garbage not yet collected. Measured with 1 kB NDJSON lines; see docs/decisions/0007-streams.md.
 */
export const bytesPerInputByte = 8

export interface WindowSettings {
  /** Most chunks under way; `Infinity`: no bound. */
  readonly maxChunks: number
  /** Most bytes under way, counted as by `bytesPerInputByte`; `Infinity`: no bound. */
  readonly maxBytes: number
  /** Commit in the order of the source, or as chunks end. */
  readonly order: "source" | "completion"
}

/** A chunk that is cut and not yet committed. Numbered from 0. */
export interface Flight<Info, End> {
  readonly chunk: number
  /** Of input. */
  readonly bytes: number
  readonly info: Info
  end: End | undefined
}

export class StreamWindow<Info, End> {
  private readonly settings: WindowSettings
  private readonly flights = new Map<number, Flight<Info, End>>()
  private readonly ended: Array<Flight<Info, End>> = []
  private bytes = 0
  /** Every chunk below is committed. */
  private committedBelow: number
  /** Committed ones above. */
  private readonly beyond = new Set<number>()
  peakChunks = 0
  peakBytes = 0

  constructor(settings: WindowSettings, committedBelow: number, beyond: Iterable<number>) {
    this.settings = settings
    this.committedBelow = committedBelow
    for (const chunk of beyond) this.beyond.add(chunk)
  }

  get size(): number {
    return this.flights.size
  }

  /**
   * Whether a chunk of so many bytes of input may go under way. The first always may: a chunk is never larger than the
   * limit allows.
   */
  admits(bytes: number): boolean {
    if (this.flights.size === 0) return true
    return (
      this.flights.size < this.settings.maxChunks && this.bytes + bytes * bytesPerInputByte <= this.settings.maxBytes
    )
  }

  add(chunk: number, bytes: number, info: Info): void {
    this.flights.set(chunk, { chunk, bytes, info, end: undefined })
    this.bytes += bytes * bytesPerInputByte
    this.peakChunks = Math.max(this.peakChunks, this.flights.size)
    this.peakBytes = Math.max(this.peakBytes, this.bytes)
  }

  /** The job of a chunk has ended. */
  end(chunk: number, end: End): void {
    const flight = this.flights.get(chunk)
    if (flight === undefined || flight.end !== undefined) return
    flight.end = end
    this.ended.push(flight)
  }

  /** Ended chunks that may be committed now, in the order to commit them. */
  ready(): ReadonlyArray<Flight<Info, End>> {
    if (this.settings.order === "completion") return [...this.ended]
    const found: Array<Flight<Info, End>> = []
    for (let chunk = this.committedBelow; ; chunk++) {
      if (this.beyond.has(chunk)) continue
      const flight = this.flights.get(chunk)
      if (flight?.end === undefined) return found
      found.push(flight)
    }
  }

  committed(flights: ReadonlyArray<Flight<Info, End>>): void {
    for (const flight of flights) {
      this.flights.delete(flight.chunk)
      this.ended.splice(this.ended.indexOf(flight), 1)
      this.bytes -= flight.bytes * bytesPerInputByte
      this.beyond.add(flight.chunk)
    }
    while (this.beyond.delete(this.committedBelow)) this.committedBelow++
  }

  /** The first chunk that is not committed. */
  get below(): number {
    return this.committedBelow
  }

  /** Committed chunks after the first that is not, ascending. */
  get after(): ReadonlyArray<number> {
    return [...this.beyond].sort((a, b) => a - b)
  }
}
