/** Flow 3: kinds' lists with their columns, and their forms: made, looked at, changed, deleted. */
import type { Locator, Page } from '@playwright/test'

import { audit, enter, expect, nav, send, test } from './world'

const region = (page: Page, name: string): Locator => page.getByRole('region', { name, exact: true })

/** A list in the menu, with what stands over it. */
async function list(page: Page, title: string, columns: string[] | null): Promise<void> {
  await nav(page).getByRole('link', { name: new RegExp(`^${title}( [\\d,]+)?$`) }).click()
  await expect(page.getByRole('heading', { name: title, level: 1 })).toBeVisible()
  if (!columns) return
  await page.getByRole('row').first().waitFor()
  await expect(page.getByRole('columnheader')).toContainText(columns)
}

interface Form {
  title: string
  columns: string[] | null
  singular: string
  name: string
  fill: () => Promise<void>
  /** What is changed afterwards, and where it then stands. */
  change?: { fill: () => Promise<void>; shows: string }
  /** Typed before it goes. */
  typed?: boolean
  /** The form has another button. */
  button?: string
}

/** Made, watched, changed, deleted: with the words that every kind uses. */
async function throughItsForm(page: Page, { title, columns, singular, name, fill, change, typed = false, button = 'Create' }: Form): Promise<void> {
  await list(page, title, columns)
  await page.getByRole('main').getByRole('link', { name: `Create ${singular}` }).first().click()
  await expect(page.getByRole('heading', { name: `Create ${singular}`, level: 1 })).toBeVisible()
  await fill()
  await audit(page)
  await page.getByRole('button', { name: button, exact: true }).click()
  await expect(page.getByRole('heading', { name, exact: true, level: 1 })).toBeVisible()
  await audit(page)
  if (change) {
    await page.keyboard.press('e')
    await expect(page.getByRole('heading', { name: `Edit ${name}`, level: 1 })).toBeVisible()
    await change.fill()
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    await expect(page.getByRole('heading', { name, exact: true, level: 1 })).toBeVisible()
    await expect(page.getByRole('main')).toContainText(change.shows)
  }
  await page.getByRole('button', { name: `Actions for ${name}` }).click()
  await page.getByRole('menuitem', { name: 'Delete', exact: true }).click()
  const question = page.getByRole('alertdialog', { name: `Delete ${name}?` })
  if (typed) await question.getByRole('textbox').fill(name)
  await question.getByRole('button', { name: 'Delete' }).click()
  await expect(page.getByRole('heading', { name: 'It does not exist' })).toBeVisible()
}

const describe = (page: Page) => ({ fill: () => page.getByLabel('Description').fill('changed later'), shows: 'changed later' })

test('hosts: the list, cordon and maintenance, labels, the tabs', async ({ page, world }) => {
  const { harvester } = await enter(page, world, ['--vms', '2'])
  await list(page, 'Hosts', ['State', 'Name', 'Host IP', 'CPU', 'Memory', 'Storage', 'CPU Manager', 'Disk state', 'Console', 'Age'])
  await expect(page.getByRole('row').nth(1)).toContainText('Active')
  await audit(page)
  await page.getByRole('row').nth(1).getByRole('link').first().click()
  await expect(page.getByRole('tab', { name: /Instances/ })).toBeVisible()
  const name = await page.getByRole('heading', { level: 1 }).innerText()
  for (const tab of [/Instances/, /Network/, /Storage/, /Memory sharing/, /Events/]) {
    await page.getByRole('tab', { name: tab }).click()
    await expect(page.getByRole('tabpanel', { name: tab })).toBeVisible()
    await audit(page)
  }
  const actions = page.getByRole('button', { name: `Actions for ${name}` })
  const act = async (action: string): Promise<void> => {
    await actions.click()
    await page.getByRole('menuitem', { name: action, exact: true }).click()
  }
  await act('Cordon')
  await page.getByRole('alertdialog').getByRole('button', { name: 'Cordon' }).click()
  await expect(page.getByRole('main')).toContainText('Cordoned')
  await act('Uncordon')
  await expect(page.getByRole('main')).not.toContainText('Cordoned')
  await act('Enable maintenance mode')
  const dialog = page.getByRole('dialog', { name: `Enable maintenance mode on ${name}` }).or(page.getByRole('alertdialog', { name: `Enable maintenance mode on ${name}` }))
  await expect(dialog).toContainText('No other host can take its virtual machines')
  await audit(page)
  await dialog.getByRole('button', { name: 'Cancel' }).click()

  await page.keyboard.press('e')
  await page.getByLabel('Custom name').fill('barn-1')
  await page.getByLabel('Console URL').fill('javascript:alert(1)')
  await page.getByRole('button', { name: 'Save' }).click()
  await expect(page.getByLabel('Console URL')).toHaveAccessibleDescription(/begins with http/)
  await page.getByLabel('Console URL').fill('https://10.0.0.9/console')
  await page.getByRole('button', { name: 'Add label' }).click()
  await page.keyboard.type('rack')
  await page.getByLabel(/^Value \d+$/).last().fill('7')
  await audit(page)
  await page.getByRole('button', { name: 'Save' }).click()
  await expect(page.getByRole('heading', { name: 'barn-1' })).toBeVisible()
  const { body } = await send('GET', `${harvester.url}/api/v1/nodes/${name}`, harvester.token)
  expect((body['metadata'] as { labels: Record<string, string> }).labels).toMatchObject({ rack: '7', 'kubernetes.io/hostname': name })
})

test('volumes: empty and from an image, grown, cloned, exported, snapshot taken', async ({ page, world }) => {
  const { harvester } = await enter(page, world)
  await list(page, 'Volumes', null)
  await expect(page.getByRole('heading', { name: 'No Volumes yet' })).toBeVisible()
  await audit(page)
  await page.getByRole('link', { name: 'Create Volume' }).first().click()
  await page.getByLabel('Name', { exact: true }).fill('hay')
  await page.getByLabel('Size (GiB)').fill('0')
  await page.getByRole('button', { name: 'Create', exact: true }).click()
  await expect(page.getByLabel('Size (GiB)')).toHaveAccessibleDescription(/greater than zero/)
  await page.getByLabel('Size (GiB)').fill('12')
  await audit(page)
  await page.getByRole('button', { name: 'Create', exact: true }).click()
  await expect(page.getByRole('heading', { name: 'hay', exact: true })).toBeVisible()
  await expect(page.getByRole('main')).toContainText('Ready')
  await audit(page)

  await page.keyboard.press('e')
  await page.getByLabel('Size (GiB)').fill('5')
  await page.getByRole('button', { name: 'Save' }).click()
  await expect(page.getByLabel('Size (GiB)')).toHaveAccessibleDescription(/cannot shrink/)
  await page.getByLabel('Size (GiB)').fill('20')
  await page.getByRole('button', { name: 'Save' }).click()
  await expect(page.getByRole('main')).toContainText('20 GiB')

  await expect(page.getByRole('heading', { name: 'hay', exact: true })).toBeVisible()
  const hay = page.url()
  const act = async (action: string): Promise<Locator> => {
    // What was made last is shown; back to the volume itself.
    await page.goto(hay)
    await page.getByRole('button', { name: 'Actions for hay' }).click()
    await page.getByRole('menuitem', { name: action, exact: true }).click()
    return page.getByRole('dialog')
  }
  let dialog = await act('Clone Volume')
  await dialog.getByLabel('Name').fill('straw')
  await audit(page)
  await dialog.getByRole('button', { name: 'Clone Volume' }).click()
  await expect(page.getByText('straw is being made')).toBeVisible()
  dialog = await act('Take Snapshot')
  await dialog.getByLabel('Name').fill('hay-monday')
  await audit(page)
  await dialog.getByRole('button', { name: 'Take Snapshot' }).click()
  await expect(page.getByText('Snapshot hay-monday is being taken')).toBeVisible()
  dialog = await act('Export Image')
  await dialog.getByLabel('Name', { exact: true }).fill('hay-image')
  await audit(page)
  await dialog.getByRole('button', { name: 'Export Image' }).click()
  await expect(page.getByText('Image hay-image is being made')).toBeVisible()

  await list(page, 'Volumes', ['', 'State', 'Name', 'Namespace', 'Size', 'Storage Class', 'Attached VM', 'Snapshots', 'Phase', 'Age'])
  await expect(page.getByRole('row')).toHaveCount(3)
  await expect(page.getByRole('row').filter({ hasText: 'hay' })).toContainText('20 GiB')
  await audit(page)
  await list(page, 'Volume Snapshots', ['', 'State', 'Name', 'Namespace', 'Target volume', 'Size', 'Age'])
  await expect(page.getByRole('row').nth(1)).toContainText('hay-monday')

  // From the image that was made of the first one.
  await list(page, 'Images', ['', 'State', 'Name', 'Namespace', 'Description', 'Progress', 'Size', 'Virtual Size', 'Age'])
  await expect(page.getByRole('row').filter({ hasText: 'hay-image' })).toContainText('Ready')
  await list(page, 'Volumes', null)
  await page.getByRole('link', { name: 'Create Volume' }).first().click()
  await page.getByLabel('Name', { exact: true }).fill('chaff')
  await page.getByLabel('VM Image').check()
  await page.getByLabel('Image', { exact: true }).selectOption({ label: 'default/hay-image' })
  await page.getByRole('button', { name: 'Create', exact: true }).click()
  await expect(page.getByRole('heading', { name: 'chaff', exact: true })).toBeVisible()
  const { body } = await send('GET', `${harvester.url}/api/v1/namespaces/default/persistentvolumeclaims/chaff`, harvester.token)
  expect((body['metadata'] as { annotations: Record<string, string> }).annotations['harvesterhci.io/imageId']).toMatch(/^default\/image-/)
})

test('namespaces with quotas', async ({ page, world }) => {
  const { harvester } = await enter(page, world)
  await throughItsForm(page, {
    title: 'Namespaces',
    columns: ['', 'State', 'Name', 'Description', 'Quota', 'Age'],
    singular: 'Namespace',
    name: 'stable',
    typed: true,
    fill: async () => {
      await page.getByLabel('Name', { exact: true }).fill('stable')
      await page.getByLabel('Memory limit').fill('lots')
      await page.getByRole('button', { name: 'Create', exact: true }).click()
      await expect(page.getByLabel('Memory limit')).toHaveAccessibleDescription(/An amount such as/)
      await page.getByLabel('Memory limit').fill('8Gi')
      await page.getByLabel('Pods').fill('20')
    },
    change: describe(page),
  })
  expect((await send('GET', `${harvester.url}/api/v1/namespaces/stable`, harvester.token)).code).toBe(404)
})

test('networks: cluster networks, their configurations, VM networks, IP pools', async ({ page, world }) => {
  await enter(page, world)
  await list(page, 'Cluster Networks', null)
  await expect(region(page, 'mgmt')).toContainText('set up when hosts are installed')
  await audit(page)
  await page.getByRole('link', { name: 'Create Cluster network' }).click()
  await page.getByLabel('Name', { exact: true }).fill('far-too-long-a-name')
  await page.getByRole('button', { name: 'Create', exact: true }).click()
  await expect(page.getByLabel('Name', { exact: true })).toHaveAccessibleDescription(/At most 12 characters/)
  await page.getByLabel('Name', { exact: true }).fill('storage')
  await audit(page)
  await page.getByRole('button', { name: 'Create', exact: true }).click()
  await expect(page.getByRole('heading', { name: 'storage', exact: true })).toBeVisible()

  await list(page, 'Cluster Networks', null)
  await region(page, 'storage').getByRole('link', { name: 'Add network configuration' }).click()
  await page.getByLabel('Name', { exact: true }).fill('uplink')
  await expect(page.getByLabel('Cluster network')).toHaveValue('storage')
  await page.getByRole('button', { name: 'Create', exact: true }).click()
  await expect(page.getByText('Choose at least one port')).toBeVisible()
  await audit(page)
  await page.getByLabel('Ports').fill('eth1, eth2')
  await page.getByLabel('Bond mode').selectOption('802.3ad')
  await page.getByLabel('MTU').fill('9000')
  await page.getByRole('button', { name: 'Create', exact: true }).click()
  await expect(page.getByRole('heading', { name: 'uplink', exact: true })).toBeVisible()
  await list(page, 'Cluster Networks', null)
  await expect(region(page, 'storage').getByRole('row').nth(1)).toContainText(/uplink802\.3ad ?eth1, eth2 ?9000/)
  await audit(page)

  const vlan = { title: 'VM Networks', singular: 'VM network', columns: null }
  await throughItsForm(page, {
    ...vlan,
    name: 'paddock-net',
    fill: async () => {
      await page.getByLabel('Name', { exact: true }).fill('paddock-net')
      await page.getByLabel('Cluster network').selectOption('storage')
      await page.getByLabel('VLAN ID').fill('5000')
      await page.getByRole('button', { name: 'Create', exact: true }).click()
      await expect(page.getByLabel('VLAN ID')).toHaveAccessibleDescription(/from 1 to 4094/)
      await page.getByLabel('VLAN ID').fill('100')
      await page.getByLabel('Given here').check()
      await page.getByLabel('CIDR').fill('192.168.1.0/24')
      await page.getByLabel('Gateway').fill('192.168.1.1')
    },
    change: { fill: async () => page.getByLabel('Description').fill('for the barn'), shows: 'for the barn' },
  })
  await list(page, 'VM Networks', null)
  await page.getByRole('link', { name: 'Create VM network' }).first().click()
  await page.getByLabel('Name', { exact: true }).fill('meadow-net')
  await page.getByLabel('Untagged').check()
  await page.getByRole('button', { name: 'Create', exact: true }).click()
  await expect(page.getByRole('heading', { name: 'meadow-net', exact: true })).toBeVisible()
  await list(page, 'VM Networks', ['', 'State', 'Name', 'Namespace', 'Type', 'Cluster network', 'VLAN ID', 'Route connectivity', 'Age'])
  await expect(page.getByRole('row').nth(1)).toContainText('Untagged')
  await audit(page)

  await throughItsForm(page, {
    title: 'IP Pools',
    singular: 'IP pool',
    columns: null,
    name: 'pool-1',
    fill: async () => {
      await page.getByLabel('Name', { exact: true }).fill('pool-1')
      const range = page.getByRole('group', { name: 'Range 1' })
      await range.getByLabel('CIDR').fill('10.1.0.0/24')
      await range.getByLabel('First IP').fill('10.2.0.5')
      await page.getByRole('button', { name: 'Create', exact: true }).click()
      await expect(range.getByLabel('First IP')).toHaveAccessibleDescription(/Not inside the block/)
      await range.getByLabel('First IP').fill('10.1.0.5')
      await range.getByLabel('Last IP').fill('10.1.0.50')
    },
    change: { fill: async () => page.getByLabel('Last IP').fill('10.1.0.60'), shows: '10.1.0.60' },
  })
})
