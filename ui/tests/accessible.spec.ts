/**
 * axe on every page, form, dialog and menu of a cluster and of the fleet, in both themes: whatever the menus lead to.
 *
 * What stands around every page (palette, menus of the frame, session) is looked at where it is used: getting-around,
 * resilience.
 */
import type { Locator, Page } from '@playwright/test'

import { furnish } from './furnish'
import { audit, enter, expect, nav, send, settled, test, type Cluster, type World } from './world'

/** Done without a question; some by one kind only. */
const AT_ONCE = new Set(['Download YAML', 'Download kubeconfig', 'Enable CPU Manager', 'Pause', 'Reset default', 'Soft Reboot', 'SR-IOV GPU Devices: Enable', 'Add-ons: Enable'])
/** The same for every kind: looked at once. */
const ALIKE = new Set(['Events', 'YAML', 'menu', 'Edit YAML', 'Clone', 'Delete'])
/** Kinds that are found, made by controllers or set up with the cluster: there is no form for another one. */
const FORMLESS = new Set(['Hosts', 'Volume Snapshots', 'Events', 'SR-IOV Network Devices', 'PCI Devices', 'SR-IOV GPU Devices', 'vGPU Devices', 'USB Devices', 'Add-ons', 'Settings'])
/** Lists without rows: blocks, and what this cluster has none of. */
const ROWLESS = new Set(['Settings', 'Support Bundles'])

const main = (page: Page): Locator => page.getByRole('main')
const heading = (page: Page): Locator => page.getByRole('heading', { level: 1 })
const dialog = (page: Page): Locator => page.getByRole('dialog').or(page.getByRole('alertdialog'))
/** The title of a page, its buttons, and the menu of what else can be done. */
const header = (page: Page): Locator => page.getByRole('group').filter({ has: heading(page) })
const menuButton = (page: Page): Locator => header(page).getByRole('button', { name: /^Actions for / })

const pathOf = (page: Page): string => new URL(page.url()).pathname

/** The dialog, or the page, that something leads to; and back. */
async function auditBeyond(page: Page, open: () => Promise<void>): Promise<void> {
  const before = pathOf(page)
  await open()
  await expect.poll(async () => pathOf(page) !== before || (await dialog(page).isVisible())).toBe(true)
  await settled(page)
  await audit(page)
  if (pathOf(page) === before) await page.keyboard.press('Escape')
  else await page.goBack()
  // Nothing was typed, so nothing is asked.
  await expect(dialog(page)).toBeHidden()
  expect(pathOf(page)).toBe(before)
}

/** A walk through a cluster: tabs, buttons, menus. */
class Walk {
  private readonly seen = new Set<string>()

  /** Whose pages these are. */
  kind = ''

  constructor(private readonly page: Page) {}

  /** Whether it is worth a look; what is alike everywhere only the first time. */
  private isNew(name: string): boolean {
    if (AT_ONCE.has(name) || AT_ONCE.has(`${this.kind}: ${name}`) || this.seen.has(name)) return false
    if (ALIKE.has(name)) this.seen.add(name)
    return true
  }

  async tabs(): Promise<void> {
    const { page } = this
    await expect(page.getByRole('tabpanel')).toBeVisible()
    for (const tab of await page.getByRole('tab').all()) {
      if (!this.isNew(await tab.innerText())) continue
      await tab.click()
      await expect(tab).toHaveAttribute('aria-selected', 'true')
      await expect(page.getByRole('tabpanel')).not.toBeEmpty()
      await settled(page)
      await audit(page)
    }
  }

  /** A menu, and what each of its entries leads to. */
  async menu(button: Locator): Promise<void> {
    const { page } = this
    const menu = page.getByRole('menu')
    await button.click()
    await expect(menu).toBeVisible()
    if (this.isNew('menu')) await audit(page)
    const entries = await menu.getByRole('menuitem').evaluateAll((items) => items.map((item) => item.querySelector('span')?.textContent ?? ''))
    await page.keyboard.press('Escape')
    await expect(menu).toBeHidden()
    for (const entry of entries.filter((entry) => this.isNew(entry))) {
      await test.step(entry, () =>
        auditBeyond(page, async () => {
          await button.click()
          await menu.getByRole('menuitem').filter({ hasText: entry }).click()
        }),
      )
    }
  }

  /** An object's page: its tabs, its buttons, its menu. */
  async object(): Promise<void> {
    const { page } = this
    await this.tabs()
    const buttons = header(page).getByRole('group', { name: 'Actions', exact: true }).getByRole('button')
    for (const name of (await buttons.allInnerTexts()).filter((name) => name !== '' && this.isNew(name))) {
      await test.step(name, () => auditBeyond(page, () => buttons.filter({ hasText: name }).click()))
    }
    await this.menu(menuButton(page))
  }
}

/** States of things in which more can be done with them. */
async function equip(harvester: Cluster): Promise<void> {
  const change = async (path: string, body: object): Promise<void> => {
    const { code } = await send('PATCH', harvester.url + path, harvester.token, body, 'application/merge-patch+json')
    expect(code, path).toBe(200)
  }
  // The stand-in never comes to the end of a copy.
  for (const backup of ['one', 'two']) await change(`/apis/harvesterhci.io/v1beta1/namespaces/default/virtualmachinebackups/${backup}`, { status: { readyToUse: true } })
  await change('/apis/snapshot.storage.k8s.io/v1/namespaces/default/volumesnapshots/one/status', { status: { readyToUse: true, restoreSize: '1Gi' } })
  await change('/apis/kubevirt.io/v1/namespaces/default/virtualmachines/vm-0001', {
    metadata: { annotations: { 'harvesterhci.io/enableCPUAndMemoryHotplug': 'true' } },
  })
}

async function furnished(page: Page, world: World): Promise<Cluster> {
  test.slow()
  const { harvester } = await enter(page, world, ['--vms', '1'])
  await furnish(harvester, 'plain words')
  await equip(harvester)
  await expect(nav(page).getByRole('link', { name: /^Settings/ })).toBeVisible()
  return harvester
}

/** The lists from one entry of the menu to another, and whatever they lead to. */
async function walkLists(page: Page, from: string, to: string): Promise<void> {
  const walk = new Walk(page)
  // Without the counts that stand beside the words.
  const names = await nav(page).getByRole('link').evaluateAll((links) => links.map((link) => link.querySelector('span')?.textContent ?? ''))
  const lists = names.slice(names.indexOf(from), names.indexOf(to))
  expect(lists.length).toBeGreaterThan(8)
  for (const name of lists) {
    await test.step(name, async () => {
      walk.kind = name
      const link = nav(page).getByRole('link', { name: new RegExp(`^${name}( [\\d,]+)?$`) })
      await link.click()
      await expect(link).toHaveAttribute('aria-current', 'page')
      await settled(page)
      await audit(page)
      const create = main(page).getByRole('link', { name: /^Create / }).first()
      if (FORMLESS.has(name)) await expect(create).toHaveCount(0)
      else await auditBeyond(page, () => create.click())
      const object = main(page).getByRole('row').getByRole('link').first()
      if (ROWLESS.has(name)) return expect(object).toHaveCount(0)
      await object.click()
      await walk.object()
    })
  }
}

test('every page of hosts, machines and networks', async ({ page, world }) => {
  await furnished(page, world)
  await walkLists(page, 'Hosts', 'VM Schedules')
})

test('every page of backups, templates, devices and the rest', async ({ page, world }) => {
  await furnished(page, world)
  await walkLists(page, 'VM Schedules', 'All kinds')
})

test('every setting, and what belongs to one page only', async ({ page, world }) => {
  const harvester = await furnished(page, world)
  const images = `${harvester.url}/apis/harvesterhci.io/v1beta1/namespaces/default/virtualmachineimages`
  const securityParameters = { cryptoOperation: 'encrypt', sourceImageName: 'one', sourceImageNamespace: 'default' }
  const image = { apiVersion: 'harvesterhci.io/v1beta1', kind: 'VirtualMachineImage', metadata: { name: 'locked', namespace: 'default' }, spec: { displayName: 'locked', sourceType: 'clone', securityParameters } }
  expect((await send('POST', images, harvester.token, image)).code).toBe(201)
  await nav(page).getByRole('link', { name: 'All kinds' }).click()
  await settled(page)
  await audit(page)
  await nav(page).getByRole('link', { name: /^Virtual Machines/ }).click()
  await expect(heading(page)).toHaveText('Virtual Machines')
  await auditBeyond(page, () => page.getByRole('button', { name: 'View', exact: true }).click())
  await auditBeyond(page, () => page.getByRole('button', { name: /^Namespaces: / }).click())
  await nav(page).getByRole('link', { name: /^Images/ }).click()
  await main(page).getByRole('link', { name: 'locked' }).click()
  await expect(heading(page)).toHaveText('locked')
  await auditBeyond(page, async () => {
    await menuButton(page).click()
    await page.getByRole('menuitem', { name: 'Decrypt' }).click()
  })
  await nav(page).getByRole('link', { name: /^Settings/ }).click()
  await expect(main(page).getByRole('region', { name: 'overcommit-config' })).toBeVisible()
  for (const edit of await main(page).getByRole('button', { name: /^Edit / }).all()) await auditBeyond(page, () => edit.click())
})

test('every page of the fleet', async ({ page, world }) => {
  test.slow()
  const { id } = await enter(page, world)
  for (const path of ['/', '/clusters', '/clusters/import', `/clusters/${id}/edit`, '/tasks', '/settings', '/account', '/c/local', '/no/such/page']) {
    await test.step(path, async () => {
      await page.goto(`${world.url}/dashboard${path}`)
      await expect(heading(page)).toBeVisible()
      await settled(page)
      await audit(page)
    })
  }
  await page.goto(`${world.url}/dashboard/clusters/${id}`)
  await new Walk(page).object()
})
