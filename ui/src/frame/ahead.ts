/** What stands around every page, asked for before the first one is drawn. */
import { effectScope, watchEffect } from 'vue'

import { mayImport, useClusters } from '@/core/clusters'

import { isFleetKnown } from './fleet-nav'

/** A page with holes is better than none for longer than this. */
const PATIENCE_MS = 200

/** Waits for what the frame and Home show, so that they are drawn once, whole, and not again with every answer. */
export function frameData(): Promise<void> {
  const scope = effectScope(true)
  return new Promise<void>((resolve) => {
    setTimeout(resolve, PATIENCE_MS)
    scope.run(() => {
      const { phase } = useClusters()
      watchEffect(() => {
        const isKnown = [phase.value !== 'loading', isFleetKnown(), mayImport() !== undefined]
        if (!isKnown.includes(false)) resolve()
      })
    })
  }).finally(() => scope.stop())
}
