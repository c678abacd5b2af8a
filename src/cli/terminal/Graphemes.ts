/** Made when it is first asked: the first of a process takes 14 ms, and most calls show nothing but ASCII. */
let segmenter: Intl.Segmenter | undefined

const segmentsOf = (text: string): Intl.Segments => {
  segmenter ??= new Intl.Segmenter(undefined, { granularity: "grapheme" })
  return segmenter.segment(text)
}

/**
 * The characters of `text` as readers count them, one by one: a letter with its marks, an emoji sequence. Reads no
 * further than it is asked.
 */
export const graphemes = (text: string): Iterable<string> => ({
  *[Symbol.iterator]() {
    for (const { segment } of segmentsOf(text)) yield segment
  }
})
