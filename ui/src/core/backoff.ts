/** Waiting times that double, with jitter so that a thousand browsers do not come back in the same instant. */
const FIRST_MS = 500
const LONGEST_MS = 30_000

export class Backoff {
  private failures = 0

  /** How long to wait before the next attempt, in milliseconds. */
  next(): number {
    const full = Math.min(FIRST_MS * 2 ** this.failures, LONGEST_MS)
    this.failures += 1
    return full / 2 + Math.random() * (full / 2)
  }

  reset(): void {
    this.failures = 0
  }
}
