/** The state of the form: the model, what it was made from, the same as YAML, and how it is sent. */
import { computed, ref, shallowRef, watch, type ComputedRef, type Ref, type ShallowRef } from 'vue'

import { confirm } from '@/core/confirm'
import { useForm, type Form } from '@/core/forms'
import { at, type KubeObject } from '@/core/kubernetes'
import { act } from '@/core/resources'
import { isSame } from '@/core/same'
import type { Scope } from '@/core/scope'
import { toast } from '@/core/toast'
import { parseYaml, toYaml, type Problem } from '@/core/yaml'

import { MACHINE_ACTIONS, type VirtualMachine } from '../types'
import { newModel } from './blank'
import { useChoices, type Choices } from './choices'
import { withKeys } from './cloud-config'
import { decodeBase64 } from './base64'
import { keepTyped, secretChanges } from './credentials'
import { formRules } from './form-rules'
import { formMessages as m } from './messages'
import type { MachineModel } from './model'
import type { Start } from './start'
import { Creation, Edit, manifestsOf, needsRestart, readCloudInit, saveCloudInit, saveCredentials, type Basis } from './submit'
import { writeModel } from './write'

export interface Editor {
  form: Form<MachineModel>
  choices: Choices
  base: ShallowRef<VirtualMachine>
  before: ShallowRef<MachineModel>
  /** The machine as the form has it. */
  desired: ComputedRef<VirtualMachine>
  restarts: ComputedRef<boolean>
  /** More than its name was said. */
  isTouched: ComputedRef<boolean>
  /** Problems of rows show once somebody has tried to send the form. */
  showsProblems: Ref<boolean>
  yaml: { text: Ref<string>; isOpen: Ref<boolean>; problems: ShallowRef<Problem[]>; open: () => void; close: () => Promise<void> }
  /** What was made, or the machine that was changed. */
  submit: () => Promise<KubeObject[] | undefined>
}

/** Makes something else than machines of the form: a template. */
export type Sender = (model: MachineModel, basis: Basis, options: { dryRun: boolean }) => Promise<KubeObject | undefined>

export function useEditor(scope: Scope, start: Start, send?: Sender): Editor {
  const base = shallowRef(start.base)
  const before = shallowRef(start.before)
  const form = useForm<MachineModel>({ draft: `${send ? 'template' : 'vm'}/${scope.id}/${start.origin}`, initial: start.model, rules: formRules(start, send !== undefined), secrets: ['userData', 'networkData', 'credentials'] })
  const { model } = form
  const choices = useChoices(scope, () => model.namespace)
  const showsProblems = ref(false)
  const creation = new Creation(scope)
  const edit = new Edit(scope, start.base)

  const basis = computed(() => ({ base: base.value, before: before.value, facts: choices.facts.value }))
  const desired = computed(() => (start.isNew ? (manifestsOf(model, basis.value)[0] ?? base.value) : writeModel(model, { ...basis.value, isNew: false })))
  const restarts = computed(() => !start.isNew && (needsRestart(start.base, desired.value) || !isSame([model.userData, model.networkData], [start.model.userData, start.model.networkData])))
  const isTouched = computed(() => {
    const { namespace, name, description, count } = start.model
    return !isSame({ ...structuredCloneOf(model), namespace, name, description, count }, start.model)
  })
  watchKeys(model, choices, start.isNew)

  // ---- the same as YAML ----
  const text = ref('')
  const isOpen = ref(false)
  const problems = shallowRef<Problem[]>([])
  watch(text, () => (problems.value = []))

  const open = (): void => {
    text.value = toYaml(desired.value)
    isOpen.value = true
  }
  /** Takes the text over into the form; what the form does not know is in `base` from then on. */
  const adopt = async (): Promise<boolean> => {
    const { value, problems: found } = parseYaml(text.value)
    problems.value = found.length > 0 ? found : isMachine(value) ? [] : [{ from: 0, to: 1, message: m.yamlWrong }]
    if (problems.value.length > 0) return false
    if (text.value === toYaml(desired.value)) return true
    const machine = value as VirtualMachine
    const begun = newModel(machine)
    const texts = await readCloudInit(scope, { ...machine, metadata: { ...machine.metadata, namespace: '' } }, decodeBase64)
    base.value = machine
    before.value = begun.before
    const { key, template, count, userData, networkData, credentials, name } = model
    const inline = texts && (texts.userData !== '' || texts.networkData !== '') ? texts : { userData, networkData }
    Object.assign(model, begun.model, { key, template, count, ...inline, credentials: keepTyped(begun.model.credentials, credentials, name.trim()), volumes: begun.model.volumes.map((row, index) => ({ ...row, key: keyIn(begun.before.volumes[index]?.claim) ?? row.key })) })
    return true
  }
  const close = async (): Promise<void> => {
    if (await adopt()) isOpen.value = false
  }

  // ---- sending ----
  const submit = async (): Promise<KubeObject[] | undefined> => {
    showsProblems.value = true
    if (isOpen.value && !(await adopt())) return undefined
    if (send) return sendOne(send)
    return start.isNew ? createAll() : saveOne()
  }
  const sendOne = async (write: Sender): Promise<KubeObject[] | undefined> => {
    const made = await form.submit((options) => write(model, basis.value, options))
    return made && [made]
  }
  const createAll = async (): Promise<VirtualMachine[] | undefined> => {
    const made = await form.submit((options) => creation.write(model, basis.value, options))
    const [first] = made ?? []
    if (made && first) toast({ tone: 'ok', text: made.length > 1 ? m.createdSeveral(made.length) : m.created(first.metadata.name) })
    return made
  }
  const saveOne = async (): Promise<VirtualMachine[] | undefined> => {
    const needed = restarts.value
    const saved = await form.submit(async (options) => {
      await saveCloudInit(scope, start.base, model, before.value, options)
      await saveCredentials(scope, start.base, secretChanges(model, before.value, start.base.metadata.name, 0, choices.facts.value.publicKey), options)
      return edit.write(desired.value, options)
    })
    if (!saved) return undefined
    toast({ tone: 'ok', text: m.saved(saved.metadata.name) })
    const { namespace, name } = saved.metadata
    if (needed && isUp(saved) && (await confirm({ title: m.restartTitle(name), text: m.restartText, confirm: m.restartNow }))) {
      await act(scope, MACHINE_ACTIONS, { namespace, name, subresource: 'restart' }).catch((error: unknown) => toast({ tone: 'problem', text: String(error), error }))
    }
    return [saved]
  }

  return { form, choices, base, before, desired, restarts, isTouched, showsProblems, yaml: { text, isOpen, problems, open, close }, submit }
}

/** Chosen keys are let in by cloud-init: their texts follow the choice. */
function watchKeys(model: MachineModel, choices: Choices, isNew: boolean): void {
  const written = new Map<string, string>()
  const known = (id: string): string | undefined => choices.keys.value.get(id)
  if (!isNew) for (const id of model.sshKeys) written.set(id, known(id) ?? '')
  watch(
    () => model.sshKeys.map((id) => [id, known(id)] as const),
    (chosen) => {
      if (!model.hasCloudInit) return
      const wanted = new Map(chosen.flatMap(([id, key]) => (key ? [[id, key] as const] : [])))
      const added = [...wanted].filter(([id]) => !written.has(id)).map(([, key]) => key)
      const removed = [...written].filter(([id]) => !chosen.some(([other]) => other === id)).map(([id, key]) => key || (known(id) ?? ''))
      for (const [id, key] of wanted) written.set(id, key)
      for (const id of written.keys()) if (!chosen.some(([other]) => other === id)) written.delete(id)
      if (added.length + removed.length > 0) model.userData = withKeys(model.userData, added, removed.filter((key) => key !== ''))
    },
    { immediate: true },
  )
}

const isMachine = (value: unknown): boolean => at(value, 'kind') === 'VirtualMachine' && typeof at(value, 'metadata') === 'object' && typeof at(value, 'spec', 'template', 'spec') === 'object'

/** The letters at the end of a claim's name, so that it keeps the name it had in the text. */
const keyIn = (claim: string | undefined): string | undefined => /-([a-z0-9]{5})$/.exec(claim ?? '')?.[1]

const isUp = ({ status }: VirtualMachine): boolean => /^(Running|Paused|Starting|Migrating)$/.test(status?.printableStatus ?? '')

const structuredCloneOf = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T
