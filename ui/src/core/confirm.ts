/** Asks a question over the page and waits for the answer. The frame shows it; one at a time. */
import { shallowRef } from 'vue'

import type { Confirmation } from './kinds/types'

export const question = shallowRef<(Confirmation & { answer: (yes: boolean) => void }) | null>(null)

export function confirm(what: Confirmation): Promise<boolean> {
  question.value?.answer(false)
  return new Promise((resolve) => {
    question.value = {
      ...what,
      answer: (yes) => {
        question.value = null
        resolve(yes)
      },
    }
  })
}
