/** The state of an image, as Harvester's own console reads it off its conditions. Pure. */
import { findCondition } from '@/core/kubernetes'
import { state, type State } from '@/core/state'

import { imageMessages as m } from './messages'
import { isImported, progressOf, type VirtualMachineImage } from './objects'

const WORKING: Record<string, () => string> = {
  download: () => m.states.downloading,
  upload: () => m.states.uploading,
  'export-from-volume': () => m.states.exporting,
  restore: () => m.states.restoring,
}

export function imageState(image: VirtualMachineImage): State {
  if (image.metadata.deletionTimestamp) return state('working', m.states.removing)
  const limit = findCondition(image, 'RetryLimitExceeded')
  const broken = ['Imported', 'Initialized'].map((type) => findCondition(image, type)).find((condition) => condition?.status === 'False')
  if (limit?.status === 'True') return state('problem', m.states.failed, limit.message || broken?.message)
  if (broken?.message) return state('problem', m.states.failed, broken.message)
  const missing = findCondition(image, 'BackingImageMissing')
  if (missing?.status === 'True') return state('problem', m.states.failed, missing.message)
  if (isImported(image)) return state('ok', m.states.ready)
  const soFar = progressOf(image)
  // After a failure it begins again; the sentence says why.
  if (image.status?.failed) return state('attention', m.states.retrying, limit?.message)
  if (findCondition(image, 'Imported')?.status === 'Unknown' || soFar !== undefined) {
    return state('working', WORKING[image.spec?.sourceType ?? '']?.() ?? m.states.preparing, soFar === undefined ? undefined : m.soFar(soFar))
  }
  return state('working', m.states.preparing)
}
