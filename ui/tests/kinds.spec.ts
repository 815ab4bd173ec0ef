/** Flow 3: every kind's list with its columns, and its form: made, looked at, changed, deleted. */
import type { Locator, Page } from '@playwright/test'

import { KEY } from './furnish'
import { act, audit, create, enter, eventually, expect, nav, opened, region, retype, send, test } from './world'

const HARVESTER = '/apis/harvesterhci.io/v1beta1'

/** A list in the menu, with what stands over it. */
async function list(page: Page, title: string, columns: string[] | null): Promise<void> {
  await nav(page).getByRole('link', { name: new RegExp(`^${title}( [\\d,]+)?$`) }).click()
  await expect(page.getByRole('heading', { name: title, level: 1 })).toBeVisible()
  if (!columns) return
  await expect(page.getByRole('columnheader')).toContainText(columns)
}

interface Form {
  title: string
  columns: string[] | null
  singular: string
  name: string
  fill: () => Promise<void>
  /** What is changed afterwards, and where it then stands. Nothing of some kinds can be. */
  change?: { fill: () => Promise<void>; shows: string }
  /** What else is looked at before it goes. */
  meanwhile?: () => Promise<void>
  /** Typed before it goes. */
  typed?: boolean
  /** The form has another button. */
  button?: string
}

/** Made, watched, changed, deleted: with the words that every kind uses. */
async function throughItsForm(page: Page, form: Form): Promise<void> {
  const { title, columns, singular, name, fill, change, meanwhile, typed, button = 'Create' } = form
  await list(page, title, columns)
  await page.getByRole('main').getByRole('link', { name: `Create ${singular}` }).first().click()
  await expect(page.getByRole('heading', { name: `Create ${singular}`, level: 1 })).toBeVisible()
  await fill()
  await audit(page)
  await page.getByRole('button', { name: button, exact: true }).click()
  await opened(page, name)
  await audit(page)
  if (change) {
    await page.keyboard.press('e')
    await expect(page.getByRole('heading', { name: `Edit ${name}`, level: 1 })).toBeVisible()
    await change.fill()
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    await opened(page, name)
    await expect(page.getByRole('main')).toContainText(change.shows)
  }
  await meanwhile?.()
  await remove(page, name, typed)
}

/** From the page of an object. */
async function remove(page: Page, name: string, typed = false): Promise<void> {
  await act(page, name, 'Delete')
  const question = page.getByRole('alertdialog', { name: `Delete ${name}?` })
  if (typed) await question.getByRole('textbox').fill(name)
  await question.getByRole('button', { name: 'Delete' }).click()
  await expect(page.getByRole('heading', { name: 'It does not exist' })).toBeVisible()
}

const describe = (page: Page) => ({ fill: () => page.getByLabel('Description').fill('changed later'), shows: 'changed later' })

/** The rows of labels: the new one takes what is typed. */
async function addLabel(page: Page, key: string): Promise<void> {
  await page.getByRole('button', { name: 'Add label' }).click()
  await expect(page.getByLabel(/^Key \d+$/).last()).toBeFocused()
  await page.keyboard.type(key)
}

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
  await act(page, name, 'Cordon')
  await page.getByRole('alertdialog').getByRole('button', { name: 'Cordon' }).click()
  await expect(page.getByRole('main')).toContainText('Cordoned')
  await act(page, name, 'Uncordon')
  await expect(page.getByRole('main')).not.toContainText('Cordoned')
  await act(page, name, 'Enable maintenance mode')
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
  await addLabel(page, 'rack')
  await page.getByLabel(/^Value \d+$/).last().fill('7')
  await audit(page)
  await page.getByRole('button', { name: 'Save' }).click()
  await opened(page, 'barn-1')
  const { body } = await send('GET', `${harvester.url}/api/v1/nodes/${name}`, harvester.token)
  expect((body['metadata'] as { labels: Record<string, string> }).labels).toMatchObject({ rack: '7', 'kubernetes.io/hostname': name })
})

test('volumes, their snapshots, images: empty and from an image, grown, cloned, exported', async ({ page, world }) => {
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
  await opened(page, 'hay')
  await expect(page.getByRole('main')).toContainText('Ready')
  await audit(page)

  await page.keyboard.press('e')
  await page.getByLabel('Size (GiB)').fill('5')
  await page.getByRole('button', { name: 'Save' }).click()
  await expect(page.getByLabel('Size (GiB)')).toHaveAccessibleDescription(/cannot shrink/)
  await page.getByLabel('Size (GiB)').fill('20')
  await page.getByRole('button', { name: 'Save' }).click()
  await expect(page.getByRole('main')).toContainText('20 GiB')

  await opened(page, 'hay')
  const hay = page.url()
  const ask = async (action: string): Promise<Locator> => {
    // What was made last is shown; back to the volume itself.
    await page.goto(hay)
    await act(page, 'hay', action)
    return page.getByRole('dialog')
  }
  let dialog = await ask('Clone Volume')
  await dialog.getByLabel('Name').fill('straw')
  await audit(page)
  await dialog.getByRole('button', { name: 'Clone Volume' }).click()
  await expect(page.getByText('straw is being made')).toBeVisible()
  dialog = await ask('Take Snapshot')
  await dialog.getByLabel('Name').fill('hay-monday')
  await audit(page)
  await dialog.getByRole('button', { name: 'Take Snapshot' }).click()
  await expect(page.getByText('Snapshot hay-monday is being taken')).toBeVisible()
  dialog = await ask('Export Image')
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
  await opened(page, 'chaff')
  const { body } = await send('GET', `${harvester.url}/api/v1/namespaces/default/persistentvolumeclaims/chaff`, harvester.token)
  expect((body['metadata'] as { annotations: Record<string, string> }).annotations['harvesterhci.io/imageId']).toMatch(/^default\/image-/)
  await remove(page, 'chaff')

  await list(page, 'Volume Snapshots', null)
  await page.getByRole('link', { name: 'hay-monday' }).click()
  await opened(page, 'hay-monday')
  await remove(page, 'hay-monday')
  await throughItsForm(page, {
    title: 'Images',
    columns: null,
    singular: 'Image',
    name: 'oats.qcow2',
    fill: async () => {
      await page.getByLabel('URL').fill('https://images.example.org/oats.qcow2')
      await expect(page.getByLabel('Name', { exact: true })).toHaveValue('oats.qcow2')
    },
    change: describe(page),
  })
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

test('networks: cluster networks, their configurations, VM networks, load balancers, IP pools', async ({ page, world }) => {
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
  await region(page, 'storage').getByRole('link', { name: 'uplink' }).click()
  await opened(page, 'uplink')
  await page.keyboard.press('e')
  await page.getByLabel('MTU').fill('1500')
  await page.getByRole('button', { name: 'Save', exact: true }).click()
  await opened(page, 'uplink')
  await remove(page, 'uplink')
  await throughItsForm(page, {
    title: 'Cluster Networks',
    singular: 'Cluster network',
    columns: null,
    name: 'spare',
    fill: () => page.getByLabel('Name', { exact: true }).fill('spare'),
    change: describe(page),
  })

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
  await throughItsForm(page, {
    title: 'Load Balancers',
    singular: 'Load balancer',
    columns: null,
    name: 'web',
    fill: async () => {
      await region(page, 'Basics').getByLabel('Name', { exact: true }).fill('web')
      await page.getByLabel('DHCP').check()
      const listener = page.getByRole('group', { name: 'Listeners 1' })
      await listener.getByLabel('Name').fill('http')
      await listener.getByLabel('Port', { exact: true }).fill('80')
      await listener.getByLabel('Backend port').fill('8080')
      await page.getByRole('button', { name: 'Add selector' }).click()
      await page.getByLabel('Key 1').fill('tier')
      await page.getByLabel('Value 1').fill('web')
      await page.getByLabel('Check the health of the machines').check()
      await region(page, 'Health check').getByLabel('Port').selectOption('8080')
    },
    change: describe(page),
  })
})

test('backups, snapshots and schedules of a machine', async ({ page, world }) => {
  const { harvester } = await enter(page, world, ['--vms', '1'])
  await list(page, 'VM Schedules', null)
  await throughItsForm(page, {
    title: 'VM Schedules',
    singular: 'VM schedule',
    columns: null,
    name: 'svmsnapshot-vm-0001',
    fill: async () => {
      await page.getByLabel('Snapshot', { exact: true }).check()
      await page.getByLabel('Virtual machine').selectOption('vm-0001')
      await page.getByRole('textbox', { name: 'When' }).fill('* * * * *')
      await page.getByRole('button', { name: 'Create', exact: true }).click()
      await expect(page.getByRole('textbox', { name: 'When' })).toHaveAccessibleDescription(/At most once an hour/)
      await page.getByRole('button', { name: 'Every night at 2' }).click()
      await page.getByLabel('How many are kept').fill('5')
    },
    change: { fill: async () => page.getByLabel('How many are kept').fill('7'), shows: '7' },
  })
  await throughItsForm(page, {
    title: 'VM Snapshots',
    singular: 'VM snapshot',
    columns: null,
    name: 'before',
    fill: async () => {
      await page.getByLabel('Name', { exact: true }).fill('before')
      await page.getByLabel('Virtual machine').selectOption('vm-0001')
    },
    meanwhile: async () => {
      const { body } = await send('GET', `${harvester.url}${HARVESTER}/namespaces/default/virtualmachinebackups/before`, harvester.token)
      expect(body['spec']).toMatchObject({ type: 'snapshot', source: { kind: 'VirtualMachine', name: 'vm-0001' } })
      await list(page, 'VM Snapshots', ['', 'State', 'Name', 'Namespace', 'Target VM', 'VM schedule', 'Ready to use', 'Size', 'Age'])
      await expect(page.getByRole('row').nth(1)).toContainText('vm-0001')
      await page.getByRole('link', { name: 'before' }).click()
    },
  })
  // Without a target no backup can be taken: the page says so, and leads to where that is set.
  await list(page, 'VM Backups', null)
  await expect(page.getByRole('main')).toContainText('There is no backup target')
  await audit(page)
  await page.getByRole('link', { name: 'Set the backup target' }).click()
  const dialog = page.getByRole('dialog', { name: 'Edit backup-target' })
  await dialog.getByLabel('In use').check()
  await dialog.getByLabel('Type').selectOption('nfs')
  await dialog.getByLabel('Endpoint').fill('nfs://10.0.0.9:/backups')
  await dialog.getByRole('button', { name: 'Save' }).click()
  await expect(dialog).toBeHidden()
  await list(page, 'VM Backups', null)
  await expect(page.getByRole('main')).not.toContainText('There is no backup target')
  await throughItsForm(page, {
    title: 'VM Backups',
    singular: 'VM backup',
    columns: null,
    name: 'nightly',
    fill: async () => {
      await page.getByLabel('Name', { exact: true }).fill('nightly')
      await page.getByLabel('Virtual machine').selectOption('vm-0001')
    },
    meanwhile: async () => {
      const { body } = await send('GET', `${harvester.url}${HARVESTER}/namespaces/default/virtualmachinebackups/nightly`, harvester.token)
      expect(body['spec']).toMatchObject({ type: 'backup', source: { kind: 'VirtualMachine', name: 'vm-0001' } })
      await list(page, 'VM Backups', ['', 'State', 'Name', 'Namespace', 'Target VM', 'VM schedule', 'Backup target', 'Ready to use', 'Progress', 'Size', 'Age'])
      await expect(page.getByRole('row').nth(1)).toContainText('vm-0001')
      await page.getByRole('link', { name: 'nightly' }).click()
    },
  })
})

test('advanced: templates, SSH keys, cloud configuration templates', async ({ page, world }) => {
  const { harvester } = await enter(page, world)
  await list(page, 'Templates', ['', 'State', 'Name', 'Namespace', 'Description', 'Default Version', 'Latest Version', 'Age'])
  await expect(page.getByRole('row').filter({ hasText: 'iso-image-base-template' }).first()).toContainText('Ready')
  await audit(page)
  await page.getByRole('link', { name: 'Create Template' }).click()
  await page.getByLabel('Template name').fill('small')
  await region(page, 'Basics').getByLabel('Memory (GiB)').fill('1')
  await audit(page)
  await page.getByRole('button', { name: 'Create template' }).click()
  await opened(page, 'small')
  await page.keyboard.press('e')
  await page.getByLabel('Description').fill('for a pony')
  await page.getByRole('button', { name: 'Save', exact: true }).click()
  await opened(page, 'small')
  await expect(page.getByRole('main')).toContainText('for a pony')
  await page.getByRole('tab', { name: /Versions/ }).click()
  await expect(page.getByRole('row').nth(1)).toContainText('Version 1 · default')
  await audit(page)
  await act(page, 'small', 'Add Version')
  await region(page, 'Basics').getByLabel('Memory (GiB)').fill('2')
  await page.getByLabel('Description of this version').fill('more of it')
  await page.getByLabel('Make it the default version').check()
  await page.getByRole('button', { name: 'Create version' }).click()
  await expect(page.getByRole('button', { name: 'Create version' })).toHaveCount(0)
  await list(page, 'Templates', null)
  const row = page.getByRole('row').filter({ has: page.getByRole('link', { name: 'small', exact: true }) })
  await expect(row).toContainText(/2\s*2/)
  await act(page, 'small', 'Launch VM')
  await expect(region(page, 'Basics').getByLabel('Memory (GiB)')).toHaveValue('2')
  await list(page, 'Templates', null)
  await page.getByRole('link', { name: 'small', exact: true }).click()
  await opened(page, 'small')
  await remove(page, 'small')

  await throughItsForm(page, {
    title: 'SSH Keys',
    singular: 'SSH Key',
    columns: null,
    name: 'ann-barn',
    fill: async () => {
      await page.getByLabel('Public key').fill('-----BEGIN OPENSSH PRIVATE KEY-----')
      await expect(page.getByLabel('Public key')).toHaveAccessibleDescription(/private key/)
      await page.getByLabel('Public key').fill(`${KEY} ann@barn`)
      await expect(page.getByLabel('Name', { exact: true })).toHaveValue('ann-barn')
    },
  })
  await throughItsForm(page, {
    title: 'Cloud Configuration Templates',
    singular: 'Cloud configuration template',
    columns: null,
    name: 'base',
    fill: async () => {
      await page.getByLabel('Name', { exact: true }).fill('base')
      await retype(page.getByRole('textbox', { name: 'Content' }), '#cloud-config\npackages: [htop]\n')
    },
    change: describe(page),
  })
  expect((await send('GET', `${harvester.url}/api/v1/namespaces/default/configmaps/base`, harvester.token)).code).toBe(404)
})

test('advanced: storage classes, secrets, settings, add-ons, support', async ({ page, world }) => {
  const { harvester } = await enter(page, world)
  await throughItsForm(page, {
    title: 'Storage Classes',
    singular: 'Storage class',
    columns: ['', 'State', 'Name', 'Provisioner', 'Default', 'Number of replicas', 'Age'],
    name: 'fast',
    fill: async () => {
      await page.getByLabel('Name', { exact: true }).fill('fast')
      await page.getByLabel('Number of replicas').fill('9')
      await page.getByRole('button', { name: 'Create', exact: true }).click()
      await expect(page.getByLabel('Number of replicas')).toHaveAccessibleDescription(/From 1 to 3/)
      await page.getByLabel('Number of replicas').fill('2')
      await page.getByLabel('Keep its data').check()
    },
  })
  await list(page, 'Storage Classes', null)
  await act(page, 'longhorn', 'Set as default')
  await expect(page.getByRole('alertdialog')).toContainText('harvester-longhorn is the default now')
  await page.getByRole('alertdialog').getByRole('button', { name: 'Set as default' }).click()
  await expect(page.getByRole('row').filter({ has: page.getByRole('link', { name: 'longhorn', exact: true }) })).toContainText('Yes')

  await throughItsForm(page, {
    title: 'Secrets',
    singular: 'Secret',
    columns: null,
    name: 'password',
    fill: async () => {
      await page.getByLabel('Name', { exact: true }).fill('password')
      await region(page, 'Data').getByLabel('Key', { exact: true }).fill('word')
      await region(page, 'Data').getByLabel('Value', { exact: true }).fill('open sesame')
    },
    change: { fill: () => addLabel(page, 'site'), shows: 'site' },
  })

  await list(page, 'Settings', null)
  const overcommit = region(page, 'overcommit-config')
  await audit(page)
  await overcommit.getByRole('button', { name: 'Edit overcommit-config' }).click()
  let dialog = page.getByRole('dialog', { name: 'Edit overcommit-config' })
  await dialog.getByLabel('CPU (percent)').fill('-1')
  await dialog.getByRole('button', { name: 'Save' }).click()
  await expect(dialog.getByLabel('CPU (percent)')).toHaveAccessibleDescription(/A number/)
  await audit(page)
  await dialog.getByLabel('CPU (percent)').fill('800')
  await dialog.getByRole('button', { name: 'Save' }).click()
  await expect(overcommit).toContainText('Modified')
  await expect(dialog).toBeHidden()
  await page.getByLabel('Only modified').check()
  await expect(overcommit).toBeVisible()
  await overcommit.getByRole('button', { name: 'Edit overcommit-config' }).click()
  dialog = page.getByRole('dialog', { name: 'Edit overcommit-config' })
  await dialog.getByRole('button', { name: 'Use the default value' }).click()
  await dialog.getByRole('button', { name: 'Save' }).click()
  await expect(overcommit).toBeHidden()
  await page.getByLabel('Only modified').uncheck()
  // A setting with a secret keeps what it has.
  await page.getByLabel('Filter settings').fill('backup-target')
  await page.getByRole('button', { name: 'Edit backup-target' }).click()
  await audit(page)
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click()

  await list(page, 'Add-ons', ['', 'State', 'Name', 'Namespace', 'Description', 'Age'])
  await audit(page)
  await page.getByRole('link', { name: 'rancher-monitoring' }).click()
  await opened(page, 'rancher-monitoring')
  await page.keyboard.press('e')
  await expect(page.getByRole('heading', { name: 'Edit rancher-monitoring' })).toBeVisible()
  await region(page, 'Prometheus').getByLabel('Retention · optional', { exact: true }).fill('10d')
  await expect(page.getByRole('textbox', { name: 'All values' })).toContainText('retention: 10d')
  await audit(page)
  await page.getByLabel('Enabled', { exact: true }).first().check()
  await page.getByRole('button', { name: 'Save' }).click()
  await expect(page.getByRole('heading', { name: 'rancher-monitoring', exact: true })).toBeVisible()
  await eventually('the add-on to be switched on', async () => {
    const { body } = await send('GET', `${harvester.url}${HARVESTER}/namespaces/cattle-monitoring-system/addons/rancher-monitoring`, harvester.token)
    const { enabled, valuesContent } = body['spec'] as { enabled: boolean; valuesContent: string }
    return (enabled && valuesContent.includes('10d')) || null
  })
})

test('a kind that the cluster brings by itself has its pages too', async ({ page, world }) => {
  const { harvester } = await enter(page, world)
  await create(harvester, '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'horses.stable.example.org' },
    spec: {
      group: 'stable.example.org',
      scope: 'Namespaced',
      names: { kind: 'Horse', listKind: 'HorseList', plural: 'horses', singular: 'horse' },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          additionalPrinterColumns: [{ name: 'Colour', type: 'string', jsonPath: '.spec.colour' }],
          schema: { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', required: ['colour'], properties: { colour: { type: 'string', enum: ['black', 'grey'] } } } } } },
        },
      ],
    },
  })
  await page.reload()
  await nav(page).getByRole('link', { name: 'All kinds' }).click()
  await page.getByLabel('Filter kinds').fill('horse')
  await page.getByRole('main').getByRole('link', { name: 'Horse', exact: true }).click()
  await page.getByRole('link', { name: 'Create Horse' }).first().click()
  const editor = page.getByRole('textbox', { name: 'YAML editor' })
  await retype(editor, 'apiVersion: stable.example.org/v1\nkind: Horse\nmetadata:\n  name: star\n  namespace: default\nspec:\n  colour: green\n')
  await page.getByRole('button', { name: 'Create' }).click()
  await expect(page.getByRole('alert').filter({ hasText: 'spec.colour' }).first()).toBeVisible()
  await audit(page)
  await retype(editor, 'apiVersion: stable.example.org/v1\nkind: Horse\nmetadata:\n  name: star\n  namespace: default\nspec:\n  colour: grey\n')
  await page.getByRole('button', { name: 'Create' }).click()
  await opened(page, 'star')
  await page.getByRole('main').getByRole('link', { name: 'Horse', exact: true }).click()
  await expect(page.getByRole('columnheader')).toContainText(['', 'State', 'Name', 'Namespace', 'Colour', 'Age'])
  await expect(page.getByRole('row').nth(1)).toContainText('grey')
  await audit(page)
  await page.getByRole('link', { name: 'star' }).click()
  await opened(page, 'star')
  await page.keyboard.press('e')
  await expect(editor).toContainText('colour: grey')
  await retype(editor, (await editor.innerText()).replace('colour: grey', 'colour: black'))
  await page.getByRole('button', { name: 'Review changes' }).click()
  await page.getByRole('button', { name: 'Save' }).click()
  await opened(page, 'star')
  const { body } = await send('GET', `${harvester.url}/apis/stable.example.org/v1/namespaces/default/horses/star`, harvester.token)
  expect(body['spec']).toEqual({ colour: 'black' })
  await remove(page, 'star')
})
