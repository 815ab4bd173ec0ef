/** Carrying out actions: ask first where that is due, do it to each object, say what came of it. */
import { shallowRef, type Component } from 'vue'

import { accessOf } from './access'
import { confirm } from './confirm'
import { needsOf, type Action, type ActionContext, type Kind } from './kinds'
import { keyOf, type KubeObject } from './kubernetes'
import { toast } from './toast'

/** The dialog an action brought; the frame shows it. */
export const dialog = shallowRef<{ component: Component; props: Record<string, unknown> } | null>(null)

export function closeDialog(): void {
  dialog.value = null
}

/** The actions that may be done to an object as it is, by somebody like us. Reactive. */
export function actionsFor(actions: readonly Action[], kind: Kind, object: KubeObject, context: ActionContext): Action[] {
  const access = accessOf(context.scope)
  return actions.filter((action) => (action.when?.(object, context) ?? true) && access.mayAll(needsOf(action, kind, object)) === true)
}

export async function runAction(action: Action, objects: KubeObject[], context: ActionContext): Promise<void> {
  if (objects.length === 0) return
  if (action.dialog) {
    const { default: component } = await action.dialog()
    dialog.value = { component, props: { kind: context.kind, objects, context } }
    return
  }
  const question = action.confirm?.(objects, context)
  if (question && !(await confirm(question))) return
  // All at once, but each speaks for itself: one refusal does not keep the others back.
  await Promise.all(objects.map((object) => runOne(action, object, context)))
}

async function runOne(action: Action, object: KubeObject, context: ActionContext): Promise<void> {
  try {
    await action.run?.(object, context)
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error)
    toast({ tone: 'problem', text: `${action.label()}: ${keyOf(object)}`, detail, error })
  }
}
