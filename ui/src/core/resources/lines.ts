/** A stream of lines out of a stream of bytes, in slices short enough that the page stays responsive. */

/** Longest line taken: an object may be 3 MiB, and a stream without line breaks must not fill the memory. */
const MAX_LINE_CHARS = 8 * 1024 * 1024
/** Work between two breaths. */
const SLICE_MS = 8

export async function eachLine(body: ReadableStream<Uint8Array>, take: (line: string) => void): Promise<void> {
  const decoder = new TextDecoder()
  const reader = body.getReader()
  let rest = ''
  let sliceEnd = performance.now() + SLICE_MS
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      rest += decoder.decode(value, { stream: true })
      let start = 0
      for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n', start)) {
        if (end > start) take(rest.slice(start, end))
        start = end + 1
        if (performance.now() > sliceEnd) {
          await breathe()
          sliceEnd = performance.now() + SLICE_MS
        }
      }
      rest = rest.slice(start)
      if (rest.length > MAX_LINE_CHARS) throw new RangeError('a line of the watch is longer than 8 MiB')
    }
  } finally {
    await reader.cancel().catch(() => {})
  }
}

/** Lets the browser paint and take input. */
function breathe(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve))
}
