/** States that many kinds share: on its way out, waiting for a condition, ready. */
import { findCondition, type KubeObject } from '@/core/kubernetes'
import { genericState, state, type State } from '@/core/state'

import { commonMessages as m } from './messages'

/** Being deleted looks the same for every kind; `undefined` for what stays. */
export const removing = (object: KubeObject): State | undefined => (object.metadata.deletionTimestamp ? genericState(object) : undefined)

/** By one condition: true is ready, false needs a look, anything else is on its way. Controllers differ in its name's case. */
export function stateByCondition(object: KubeObject, type: string, ready: string = m.states.ready): State {
  const gone = removing(object)
  if (gone) return gone
  const condition = findCondition(object, type)
  const why = condition?.message || condition?.reason
  if (condition?.status === 'True') return state('ok', ready)
  return condition?.status === 'False' ? state('attention', m.states.notReady, why) : state('working', m.states.waiting, why)
}
