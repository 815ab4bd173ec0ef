/** Flow 7 in every form: the network is cut or the server restarted half-way, and nothing that was typed is lost. */
import type { Locator, Page } from '@playwright/test'

import { enter, expect, retype, send, test, type Cluster } from './world'

interface Form {
  /** Below the cluster. */
  path: string
  /** Field by its label: what is typed. */
  fields: Record<string, string>
  /** Typed into an editor of YAML. */
  editor?: { label: string; text: string }
  button?: string
  /** What is typed is all that is needed: the heading of the page of what came of it. Given for each way of writing. */
  made?: string
}

const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGtoDkpM0hTo0i2x7ZtQzq0bHXH1v4rS2aVYJ3w5q0yF ann@barn'
const NAME = { Name: 'kept' }
const CARE = { Description: 'typed with care' }
const ADDON = 'addons.harvesterhci.io/cattle-monitoring-system/rancher-monitoring'

const forms = (node: string): Form[] => [
  { path: 'virtualmachines.kubevirt.io/create', fields: { ...NAME, ...CARE }, button: 'Create virtual machine' },
  { path: 'virtualmachines.kubevirt.io/default/vm-0001/edit', fields: CARE, button: 'Save' },
  { path: `nodes/-/${node}/edit`, fields: { 'Custom name': 'barn-7' }, button: 'Save', made: 'barn-7' },
  { path: 'persistentvolumeclaims/create', fields: { ...NAME, ...CARE } },
  { path: 'virtualmachineimages.harvesterhci.io/create', fields: { ...NAME, URL: 'https://images.example.org/a.img', ...CARE } },
  { path: 'namespaces/create', fields: { ...NAME, ...CARE }, made: 'kept' },
  { path: 'clusternetworks.network.harvesterhci.io/create', fields: { ...NAME, ...CARE } },
  { path: 'vlanconfigs.network.harvesterhci.io/create', fields: { ...NAME, ...CARE } },
  { path: 'network-attachment-definitions.k8s.cni.cncf.io/create', fields: { ...NAME, 'VLAN ID': '77', ...CARE } },
  { path: 'loadbalancers.loadbalancer.harvesterhci.io/create', fields: { ...NAME, ...CARE } },
  { path: 'ippools.loadbalancer.harvesterhci.io/create', fields: { ...NAME, ...CARE } },
  { path: 'schedulevmbackups.harvesterhci.io/create', fields: { When: '5 4 * * 0' } },
  { path: 'virtualmachinebackups.harvesterhci.io~snapshots/create', fields: NAME },
  { path: 'virtualmachinetemplates.harvesterhci.io/create', fields: { 'Template name': 'kept', ...CARE }, button: 'Create template' },
  { path: 'keypairs.harvesterhci.io/create', fields: { 'Public key': KEY, ...CARE }, made: 'ann-barn' },
  { path: 'configmaps~cloud-templates/create', fields: { ...NAME, ...CARE } },
  { path: 'storageclasses.storage.k8s.io/create', fields: { ...NAME, ...CARE } },
  { path: 'secrets/create', fields: { ...NAME, ...CARE } },
  { path: 'supportbundles.harvesterhci.io/create', fields: { 'What the problem is': 'typed with care' } },
  { path: `${ADDON}/edit`, fields: { Retention: '11d' }, button: 'Save' },
  {
    path: 'services/create',
    fields: {},
    editor: { label: 'YAML editor', text: 'apiVersion: v1\nkind: Service\nmetadata:\n  name: kept\n  namespace: default\nspec:\n  ports:\n    - port: 80\n' },
    made: 'kept',
  },
]

const hasLost = (page: Page) => page.getByText('The server has not answered since')
const submit = (page: Page, { button = 'Create' }: Form): Promise<void> => page.getByRole('button', { name: button, exact: true }).click()

/** By its label alone, whatever stands behind that. */
function field(page: Page, label: string): Locator {
  const name = new RegExp(`^${label}( · optional)?$`)
  return page.getByRole('textbox', { name }).or(page.getByRole('spinbutton', { name })).first()
}

async function begin(page: Page, url: string, { path, fields, editor }: Form): Promise<void> {
  await page.goto(`${url}/${path}`)
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible()
  for (const [label, text] of Object.entries(fields)) await field(page, label).fill(text)
  if (editor) await retype(page.getByRole('textbox', { name: editor.label }), editor.text)
}

async function holds(page: Page, { fields, editor }: Form): Promise<void> {
  for (const [label, text] of Object.entries(fields)) await expect(field(page, label)).toHaveValue(text)
  if (editor) await expect(page.getByRole('textbox', { name: editor.label })).toContainText(editor.text.trim().split('\n').at(-1) ?? '')
}

async function nodeOf(harvester: Cluster): Promise<string> {
  const { body } = await send('GET', `${harvester.url}/api/v1/nodes`, harvester.token)
  return (body['items'] as { metadata: { name: string } }[])[0]?.metadata.name ?? ''
}

test('a cut network in the middle of each form', async ({ page, world, context }) => {
  test.slow()
  const { harvester, id } = await enter(page, world, ['--vms', '1'])
  const url = `${world.url}/dashboard/c/${id}`
  for (const form of forms(await nodeOf(harvester))) {
    await test.step(form.path, async () => {
      await begin(page, url, form)
      await context.setOffline(true)
      await expect(hasLost(page)).toBeVisible()
      await submit(page, form)
      await holds(page, form)
      await context.setOffline(false)
      await expect(hasLost(page)).toBeHidden()
      await holds(page, form)
      // Even a reload keeps it.
      await page.reload()
      await expect(page.getByText('What you typed earlier is still here').first()).toBeVisible()
      await holds(page, form)
      await page.getByRole('button', { name: 'Start afresh' }).first().click()
    })
  }
})

test('a restarted server in the middle of each form', async ({ page, world }) => {
  test.slow()
  const { harvester, id } = await enter(page, world, ['--vms', '1'])
  const url = `${world.url}/dashboard/c/${id}`
  for (const form of forms(await nodeOf(harvester))) {
    await test.step(form.path, async () => {
      await begin(page, url, form)
      await world.server.stop()
      await submit(page, form)
      await expect(hasLost(page)).toBeVisible()
      await holds(page, form)
      await world.startServer()
      await expect(hasLost(page)).toBeHidden()
      await holds(page, form)
      if (form.made) await sendAgain(page, form, page.getByRole('heading', { level: 1, name: form.made, exact: true }))
    })
  }
})

/** The cluster comes back a little later than the server; until then the form says so, and stays. */
async function sendAgain(page: Page, { button = 'Create' }: Form, made: Locator): Promise<void> {
  const send = page.getByRole('button', { name: button, exact: true })
  await expect(async () => {
    if (!(await made.isVisible()) && (await send.isVisible()) && (await send.isEnabled())) await send.click()
    await expect(made).toBeVisible({ timeout: 5_000 })
  }).toPass({ timeout: 120_000 })
}
