/** Deleting, where not every object of a kind may go: what the cluster would refuse is not offered. */
import type { Action } from '@/core/kinds'
import type { KubeObject } from '@/core/kubernetes'
import { commonActions } from '@/kinds/common'

/** Takes the place of the common action. */
export function deleteWhen<T extends KubeObject>(may: (object: T) => boolean): Action {
  const common = commonActions.find(({ id }) => id === 'delete') as Action
  return { ...common, when: (object, context) => (common.when?.(object, context) ?? true) && may(object as T) }
}
