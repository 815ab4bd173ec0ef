import { expect, it } from 'vitest'

import { eachLine } from './lines'

const streamOf = (...pieces: (string | Uint8Array)[]): ReadableStream<Uint8Array> =>
  new ReadableStream({
    start(controller) {
      for (const piece of pieces) controller.enqueue(typeof piece === 'string' ? new TextEncoder().encode(piece) : piece)
      controller.close()
    },
  })

async function linesOf(...pieces: (string | Uint8Array)[]): Promise<string[]> {
  const lines: string[] = []
  await eachLine(streamOf(...pieces), (line) => lines.push(line))
  return lines
}

it('finds lines wherever the stream is cut', async () => {
  expect(await linesOf('one\ntwo\n')).toEqual(['one', 'two'])
  expect(await linesOf('o', 'ne\n', '\n', 'tw', 'o', '\nrest')).toEqual(['one', 'two'])
})

it('does not break a character that is cut in two', async () => {
  const bytes = new TextEncoder().encode('Stall für Pferde 马\n')
  for (let at = 1; at < bytes.length; at++) {
    expect(await linesOf(bytes.slice(0, at), bytes.slice(at))).toEqual(['Stall für Pferde 马'])
  }
})

it('gives up on a line without an end', async () => {
  await expect(linesOf('x'.repeat(9 * 1024 * 1024))).rejects.toThrow('longer than 8 MiB')
})
