/** What a browser says of its own speed, and the rows that are made of it. */
import type { Page } from '@playwright/test'
import { appendFileSync } from 'node:fs'

/** One promise of SPECIFICATION.md and what was found. */
export interface Row {
  what: string
  bar: string
  measured: string
  met: boolean
  raw: string[]
}

/** A JSON object a line: in the file that the caller names, else on the standard output. */
export function report(row: Row): void {
  const line = `${JSON.stringify(row)}\n`
  const file = process.env['GRANGE_BENCH_OUT']
  if (file) appendFileSync(file, line)
  else process.stdout.write(line)
}

export const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
export const round = (value: number, digits = 0): string => value.toFixed(digits)

interface Seen {
  shift: number
  lcp: number
  longTasks: number[]
}

/** Watches every page from its first moment on. */
export async function observe(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const seen = { shift: 0, lcp: 0, longTasks: [] as number[] }
    Object.assign(window, { seen })
    new PerformanceObserver((list) => {
      // As browsers define it: what moves because somebody has just clicked is no shift.
      for (const entry of list.getEntries() as (PerformanceEntry & { value: number; hadRecentInput: boolean })[]) if (!entry.hadRecentInput) seen.shift += entry.value
    }).observe({ type: 'layout-shift', buffered: true })
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) seen.lcp = entry.startTime
    }).observe({ type: 'largest-contentful-paint', buffered: true })
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) seen.longTasks.push(entry.duration)
    }).observe({ type: 'longtask', buffered: true })
  })
}

export const seenBy = (page: Page): Promise<Seen> => page.evaluate(() => (window as unknown as { seen: Seen }).seen)

/** Forgets what was slow until now. */
export const forgetTasks = (page: Page): Promise<void> => page.evaluate(() => void ((window as unknown as { seen: Seen }).seen.longTasks.length = 0))

/**
 * From the mouse's click on a link of the menu until what it leads to is painted, in milliseconds of the page's own
 * clock. `sign` is a selector of what has to be there, `text` what it has to hold.
 */
export async function timeClick(page: Page, link: string, sign: string, text: string): Promise<number> {
  await page.evaluate(
    ([sign, text]) => {
      const painted = new Promise<number>((resolve) => {
        const clicked = ({ timeStamp }: Event): void => {
          const look = (): void => {
            const isThere = [...document.querySelectorAll(sign)].some((element) => element.textContent?.includes(text))
            // One more frame: what is in the document now is painted then.
            requestAnimationFrame(isThere ? () => resolve(performance.now() - timeStamp) : look)
          }
          look()
        }
        document.addEventListener('click', clicked, { capture: true, once: true })
      })
      Object.assign(window, { painted })
    },
    [sign, text] as const,
  )
  await page.getByRole('navigation').getByRole('link', { name: link }).first().click()
  return page.evaluate(() => (window as unknown as { painted: Promise<number> }).painted)
}

/** Turns the wheel over the table for a while; how many frames there were a second, and the longest one. */
export async function scroll(page: Page, durationMs: number): Promise<{ rate: number; longestMs: number }> {
  const frames = page.evaluate(
    (durationMs) =>
      new Promise<{ rate: number; longestMs: number }>((resolve) => {
        const times: number[] = []
        const frame = (now: number): void => {
          times.push(now)
          const [first = now] = times
          if (now - first < durationMs) requestAnimationFrame(frame)
          else {
            const gaps = times.slice(1).map((time, index) => time - (times[index] ?? time))
            resolve({ rate: (gaps.length * 1000) / (now - first), longestMs: Math.max(...gaps) })
          }
        }
        requestAnimationFrame(frame)
      }),
    durationMs,
  )
  const turning = { goesOn: true }
  const result = frames.finally(() => (turning.goesOn = false))
  while (turning.goesOn) await page.mouse.wheel(0, 240)
  return result
}
