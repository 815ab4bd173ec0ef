/** Flow 4: machines made, used, changed and deleted. */
import type { Locator, Page } from '@playwright/test'

import { act, audit, enter, eventually, expect, nav, opened, region, retype, send, test, type Cluster } from './world'

const IMAGE_URL = 'https://images.example.org/ubuntu-24.04-server-cloudimg-amd64.img'
const MACHINES = '/apis/kubevirt.io/v1/namespaces/default/virtualmachines'

interface Machine {
  metadata: { annotations: Record<string, string>; labels: Record<string, string> }
  spec: { runStrategy: string; template: { metadata: { annotations?: Record<string, string> }; spec: Record<string, unknown> & { domain: Record<string, unknown>; volumes: Record<string, unknown>[]; networks: unknown } } }
}

async function machineOf(harvester: Cluster, name: string): Promise<Machine> {
  const { code, body } = await send('GET', `${harvester.url}${MACHINES}/${name}`, harvester.token)
  expect(code, JSON.stringify(body)).toBe(200)
  return body as unknown as Machine
}

/** An image that is there, made beside the browser. */
async function giveImage(harvester: Cluster): Promise<void> {
  const images = `${harvester.url}/apis/harvesterhci.io/v1beta1/namespaces/default/virtualmachineimages`
  const spec = { displayName: 'ubuntu.img', sourceType: 'download', url: IMAGE_URL, backend: 'backingimage', targetStorageClassName: 'harvester-longhorn', retry: 3, checksum: '' }
  const image = { apiVersion: 'harvesterhci.io/v1beta1', kind: 'VirtualMachineImage', metadata: { name: 'ubuntu', namespace: 'default' }, spec }
  const { code, body } = await send('POST', images, harvester.token, image)
  expect(code, JSON.stringify(body)).toBe(201)
  await eventually('the image', async () => {
    const { body } = await send('GET', `${images}/ubuntu`, harvester.token)
    return (body['status'] as { progress?: number } | undefined)?.progress === 100 || null
  })
}

/**
 * Images stay half-way in the browser, however slow it is and however fast the cluster. What is given back lets the news
 * of the cluster through.
 */
async function holdDownload(page: Page, harvester: Cluster): Promise<() => Promise<void>> {
  let letGo = (): void => {}
  let isHeld = true
  const held = new Promise<void>((resolve) => (letGo = resolve))
  await page.route(/\/virtualmachineimages\?/, async (route) => {
    if (!isHeld) return route.continue()
    if (route.request().url().includes('watch=1')) return held.then(() => route.continue())
    const response = await route.fetch()
    const body = (await response.json()) as { items?: object[] }
    const status = { progress: 40, conditions: [{ type: 'Imported', status: 'Unknown' }] }
    return route.fulfill({ response, json: { ...body, items: body.items?.map((image) => ({ ...image, status })) } })
  })
  return async () => {
    isHeld = false
    letGo()
    // What has come to its end meanwhile has no more news of its own.
    const images = `${harvester.url}/apis/harvesterhci.io/v1beta1/namespaces/default/virtualmachineimages`
    const { body } = await send('GET', images, harvester.token)
    for (const { metadata } of body['items'] as { metadata: { name: string } }[]) {
      await send('PATCH', `${images}/${metadata.name}`, harvester.token, { metadata: { labels: { seen: 'half-way' } } }, 'application/merge-patch+json')
    }
  }
}

/** The state beside the title. */
const titled = (page: Page, name: string): Locator => page.getByRole('group', { name, exact: true }).filter({ has: page.getByRole('heading', { level: 1 }) })

async function createMachine(page: Page, name: string): Promise<void> {
  await nav(page).getByRole('link', { name: /Virtual Machines/ }).click()
  await page.getByRole('link', { name: 'Create Virtual Machine' }).first().click()
  await region(page, 'Basics').getByLabel('Name', { exact: true }).fill(name)
  await region(page, 'Basics').getByLabel('Image').selectOption({ label: 'default/ubuntu.img' })
  await page.getByRole('button', { name: 'Create virtual machine' }).click()
  await expect(page.getByRole('heading', { name, exact: true })).toBeVisible()
  await expect(titled(page, name)).toContainText('Running')
}

test('from an empty cluster to a running machine: the pages lead there', async ({ page, world }) => {
  const { harvester } = await enter(page, world)
  await page.getByRole('main').getByRole('link', { name: 'Create Virtual Machine' }).click()
  await expect(page.getByText('There are no images yet')).toBeVisible()
  await audit(page)
  await page.getByRole('link', { name: 'Create an image' }).click()

  // An image from an address, with the form's help, and followed as it comes.
  await page.getByRole('button', { name: 'Create', exact: true }).click()
  await expect(page.getByLabel('URL')).toHaveAccessibleDescription(/Required/)
  await page.getByLabel('URL').fill('ftp://images.example.org/ubuntu')
  await page.getByRole('button', { name: 'Create', exact: true }).click()
  await expect(page.getByLabel('URL')).toHaveAccessibleDescription(/begins with http/)
  await audit(page)
  await page.getByLabel('URL').fill(IMAGE_URL)
  await expect(page.getByLabel('Name', { exact: true })).toHaveValue('ubuntu-24.04-server-cloudimg-amd64.img')
  const goOn = await holdDownload(page, harvester)
  await page.getByRole('button', { name: 'Create', exact: true }).click()
  await expect(page.getByRole('heading', { name: 'ubuntu-24.04-server-cloudimg-amd64.img' })).toBeVisible()
  await expect(page.getByRole('progressbar', { name: 'Progress' })).toBeVisible()
  await goOn()
  await expect(titled(page, 'ubuntu-24.04-server-cloudimg-amd64.img')).toContainText('Ready')
  await audit(page)

  // Its own button leads on; a name is all that is missing.
  await page.getByRole('button', { name: 'Create Virtual Machine' }).click()
  await expect(region(page, 'Basics').getByLabel('Image')).toHaveValue(/^default\/image-/)
  await expect(region(page, 'Basics').getByLabel('Name', { exact: true })).toBeFocused()
  await page.keyboard.type('first')
  await expect(page.getByRole('complementary', { name: 'Summary' })).toContainText('first')
  await page.keyboard.press('Enter')
  await expect(page.getByText('first is being created')).toBeVisible()
  await expect(page.getByRole('heading', { name: 'first', exact: true })).toBeVisible()
  await expect(titled(page, 'first')).toContainText('Running')

  const machine = await machineOf(harvester, 'first')
  const [template] = JSON.parse(machine.metadata.annotations['harvesterhci.io/volumeClaimTemplates'] ?? '[]') as { metadata: { annotations: Record<string, string> }; spec: Record<string, unknown> }[]
  expect(template?.metadata.annotations['harvesterhci.io/imageId']).toMatch(/^default\/image-/)
  expect(template?.spec).toMatchObject({ accessModes: ['ReadWriteMany'], volumeMode: 'Block', resources: { requests: { storage: '10Gi' } } })
  for (const tab of [/Volumes/, /Networks/, /Scheduling/, /Cloud config/, /Snapshots/, /Logs/]) {
    await page.getByRole('tab', { name: tab }).click()
    await expect(page.getByRole('tabpanel', { name: tab })).toBeVisible()
    await audit(page)
  }
})

test('a download that fails says why, and what was tried', async ({ page, world }) => {
  await enter(page, world)
  await nav(page).getByRole('link', { name: /Images/ }).click()
  await page.getByRole('link', { name: 'Create Image' }).first().click()
  await page.getByLabel('URL').fill('https://nowhere.invalid/lost.qcow2')
  await page.getByRole('button', { name: 'Create', exact: true }).click()
  await expect(titled(page, 'lost.qcow2')).toContainText('Failed')
  await expect(page.getByRole('main')).toContainText('no such host')
  await audit(page)
})

test('every section of the form reaches the machine', async ({ page, world }) => {
  const { harvester } = await enter(page, world)
  await giveImage(harvester)
  await nav(page).getByRole('link', { name: /Virtual Machines/ }).click()
  await page.getByRole('link', { name: 'Create Virtual Machine' }).first().click()

  // What is missing is said where it is missing.
  await page.getByRole('button', { name: 'Create virtual machine' }).click()
  const basics = region(page, 'Basics')
  await expect(basics.getByLabel('Name', { exact: true })).toBeFocused()
  await expect(basics.getByLabel('Image')).toHaveAccessibleDescription(/Choose an image/)

  await basics.getByLabel('Name', { exact: true }).fill('full')
  await basics.getByLabel('Description').fill('Everything that the form has')
  await basics.getByLabel('Image').selectOption({ label: 'default/ubuntu.img' })
  await basics.getByLabel('CPU', { exact: true }).fill('4')
  await basics.getByLabel('Memory (GiB)').fill('8')
  await basics.getByLabel('Let CPU and memory grow while it runs').check()
  await basics.getByLabel('Maximum CPU').fill('8')
  await basics.getByLabel('Maximum memory (GiB)').fill('16')
  await basics.getByRole('button', { name: 'New SSH key' }).click()
  const dialog = page.getByRole('dialog', { name: 'New SSH key' })
  await dialog.getByLabel('Public key').fill('ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGtoDkpM0hTo0i2x7ZtQzq0bHXH1v4rS2aVYJ3w5q0yF ann@barn')
  await expect(dialog.getByLabel('Name')).toHaveValue('ann-barn')
  await audit(page)
  await dialog.getByRole('button', { name: 'Create' }).click()
  await expect(basics.getByRole('list', { name: 'SSH keys' })).toContainText('default/ann-barn')

  const volumes = region(page, 'Volumes')
  await volumes.getByRole('button', { name: 'Add Volume' }).click()
  const second = volumes.getByRole('group', { name: 'Volume disk-1' })
  await second.getByLabel('Size (GiB)').fill('25')
  await second.getByLabel('Bus').selectOption('scsi')
  await volumes.getByRole('button', { name: 'Add Container Image' }).click()
  await volumes.getByRole('group', { name: 'Volume disk-2' }).getByLabel('Image reference').fill('registry.example.org/drivers:1')
  await volumes.getByRole('button', { name: 'Move disk-2 up' }).click()
  await expect(volumes.getByRole('status')).toHaveText('disk-2 is now at place 2')

  const networks = region(page, 'Networks')
  await networks.getByLabel('Model').selectOption('e1000')
  await networks.getByLabel('MAC address').fill('01:00:5e:00:00:01')

  const scheduling = region(page, 'Node Scheduling')
  await scheduling.getByLabel('Nodes that match rules').check()
  await scheduling.getByLabel('Label').fill('kubernetes.io/os')
  await scheduling.getByLabel('Values').fill('linux')
  const rules = region(page, 'VM Scheduling')
  await rules.getByRole('button', { name: 'Add Rule' }).click()
  await rules.getByLabel('Label', { exact: true }).fill('tier')
  await rules.getByLabel('Values').fill('web')

  const cloud = region(page, 'Cloud Config')
  await expect(cloud.getByLabel('Install guest agent')).toBeChecked()
  await expect(cloud.getByLabel('User data')).toHaveValue(/ann@barn/)
  await cloud.getByLabel('Network data').fill('version: 2\nethernets: {}\n')

  const advanced = region(page, 'Advanced Options')
  await advanced.getByLabel('Run strategy').selectOption('Manual')
  await advanced.getByLabel('OS type').selectOption('ubuntu')
  await advanced.getByLabel('Host name').fill('guest')
  await advanced.getByLabel('Reserved memory').fill('256Mi')
  await advanced.getByLabel('Time to shut down (seconds)').fill('30')
  await advanced.getByLabel('Boot in EFI mode').check()
  await advanced.getByLabel('Secure boot').check()
  await advanced.getByLabel('TPM', { exact: true }).check()
  const labels = region(page, 'Labels and Annotations')
  await labels.getByRole('group', { name: 'Labels', exact: true }).getByRole('button', { name: 'Add Label' }).click()
  await labels.getByLabel('Key 1').fill('site')
  await labels.getByLabel('Value 1').fill('north')
  await audit(page)

  // The one thing that is wrong is found and marked in the index.
  await page.getByRole('button', { name: 'Create virtual machine' }).click()
  await expect(networks.getByLabel('MAC address')).toHaveAccessibleDescription(/address of a group/)
  await expect(page.getByRole('navigation', { name: 'Sections' }).getByRole('link', { name: /Networks/ })).toContainText('Networks')
  await expect(page.getByRole('navigation', { name: 'Sections' }).getByRole('img', { name: 'has errors' })).toHaveCount(1)
  await networks.getByLabel('MAC address').fill('52:54:00:12:34:56')

  // By way of its YAML and back: nothing is lost.
  await page.getByRole('button', { name: 'Edit as YAML' }).click()
  await expect(page.getByRole('textbox', { name: 'Manifest' })).toContainText('kind: VirtualMachine')
  await audit(page)
  await page.getByRole('button', { name: 'Back to the form' }).click()
  await expect(cloud.getByLabel('User data')).toHaveValue(/ann@barn/)
  await expect(basics.getByLabel('Description')).toHaveValue('Everything that the form has')
  await page.getByRole('button', { name: 'Create virtual machine' }).click()
  await expect(page.getByRole('heading', { name: 'full', exact: true })).toBeVisible()
  await expect(titled(page, 'full')).toContainText('Stopped')

  const { metadata, spec } = await machineOf(harvester, 'full')
  expect(metadata.annotations).toMatchObject({ 'field.cattle.io/description': 'Everything that the form has', 'harvesterhci.io/enableCPUAndMemoryHotplug': 'true', 'harvesterhci.io/reservedMemory': '256Mi' })
  expect(metadata.labels).toMatchObject({ site: 'north', 'harvesterhci.io/os': 'ubuntu' })
  expect(spec.runStrategy).toBe('Manual')
  expect(spec.template.metadata.annotations?.['harvesterhci.io/sshNames']).toBe('["default/ann-barn"]')
  expect(spec.template.spec).toMatchObject({ hostname: 'guest', terminationGracePeriodSeconds: 30 })
  expect(spec.template.spec.domain).toMatchObject({
    cpu: { sockets: 4, maxSockets: 8 },
    memory: { guest: expect.anything() as unknown, maxGuest: '16Gi' },
    firmware: { bootloader: { efi: { secureBoot: true } } },
    devices: { tpm: {}, interfaces: [{ name: 'default', model: 'e1000', macAddress: '52:54:00:12:34:56', masquerade: {} }] },
  })
  expect(spec.template.spec['affinity']).toMatchObject({
    nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/os', operator: 'In', values: ['linux'] }] }] } },
    podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ podAffinityTerm: { labelSelector: { matchExpressions: [{ key: 'tier', operator: 'In', values: ['web'] }] } } }] },
  })
  expect(spec.template.spec.volumes.map(({ name }) => name)).toEqual(['disk-0', 'disk-2', 'disk-1', 'cloudinitdisk'])
  const secret = spec.template.spec.volumes.find(({ name }) => name === 'cloudinitdisk')?.['cloudInitNoCloud'] as { secretRef: { name: string } }
  const { body } = await send('GET', `${harvester.url}/api/v1/namespaces/default/secrets/${secret.secretRef.name}`, harvester.token)
  const data = body['data'] as Record<string, string>
  expect(Buffer.from(data['userdata'] ?? '', 'base64').toString()).toContain('ann@barn')
  expect(Buffer.from(data['networkdata'] ?? '', 'base64').toString()).toContain('ethernets')
})

test('several at once get names of their own', async ({ page, world }) => {
  const { harvester } = await enter(page, world)
  await giveImage(harvester)
  await nav(page).getByRole('link', { name: /Virtual Machines/ }).click()
  await page.getByRole('link', { name: 'Create Virtual Machine' }).first().click()
  const basics = region(page, 'Basics')
  await basics.getByLabel('Multiple instances').check()
  await basics.getByLabel('Name prefix').fill('web')
  await basics.getByLabel('Count').fill('3')
  await expect(basics.getByLabel('Name prefix')).toHaveAccessibleDescription(/web-01, web-02,? and web-03/)
  await basics.getByLabel('Image').selectOption({ label: 'default/ubuntu.img' })
  await expect(page.getByRole('complementary', { name: 'Summary' })).toContainText('3 virtual machines')
  await audit(page)
  await page.getByRole('button', { name: 'Create 3 virtual machines' }).click()
  await expect(page.getByRole('heading', { name: 'Virtual Machines' })).toBeVisible()
  for (const name of ['web-01', 'web-02', 'web-03']) await expect(page.getByRole('row').filter({ hasText: name })).toContainText('Running')
})

test('a machine is stopped, started, restarted, paused: the page follows', async ({ page, world }) => {
  const { harvester } = await enter(page, world, ['--vms', '1'])
  await nav(page).getByRole('link', { name: /Virtual Machines/ }).click()
  await page.getByRole('link', { name: 'vm-0001' }).click()
  const header = titled(page, 'vm-0001')
  await expect(header).toContainText('Running')
  const uid = async (): Promise<string> => {
    const { body } = await send('GET', `${harvester.url}/apis/kubevirt.io/v1/namespaces/default/virtualmachineinstances/vm-0001`, harvester.token)
    return (body['metadata'] as { uid?: string } | undefined)?.uid ?? ''
  }

  await act(page, 'vm-0001', 'Pause')
  await expect(header).toContainText('Paused')
  await page.getByRole('button', { name: 'Unpause' }).click()
  await expect(header).toContainText('Running')
  const before = await uid()
  await act(page, 'vm-0001', 'Soft Reboot')
  await expect(header).toContainText('Running')
  expect(await uid(), 'a soft reboot keeps the instance').toBe(before)

  await page.getByRole('button', { name: 'Restart' }).click()
  const question = page.getByRole('alertdialog', { name: 'Restart vm-0001?' })
  await audit(page)
  await question.getByRole('button', { name: 'Restart' }).click()
  await eventually('another instance', async () => {
    const now = await uid()
    return (now !== '' && now !== before) || null
  })
  await expect(header).toContainText('Running')

  await page.getByRole('button', { name: 'Stop', exact: true }).click()
  await page.getByRole('alertdialog', { name: 'Stop vm-0001?' }).getByRole('button', { name: 'Stop' }).click()
  await expect(header).toContainText('Stopped')
  await expect(page.getByRole('button', { name: 'Stop', exact: true })).toHaveCount(0)
  await page.getByRole('button', { name: 'Start' }).click()
  await expect(header).toContainText('Running')
})

test('a machine is edited, restarted into force, edited as YAML, cloned and deleted with a choice of its volumes', async ({ page, world }) => {
  const { harvester } = await enter(page, world)
  await giveImage(harvester)
  await createMachine(page, 'mare')

  // Edited by its form: one change, one question.
  await opened(page, 'mare')
  await page.keyboard.press('e')
  await expect(page.getByRole('heading', { name: 'Edit mare' })).toBeVisible()
  const basics = region(page, 'Basics')
  await basics.getByLabel('Memory (GiB)').fill('6')
  await expect(page.getByRole('complementary', { name: 'Summary' })).toContainText('Takes effect at the next start')
  await region(page, 'Volumes').getByRole('button', { name: 'Add Volume' }).click()
  await audit(page)
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByRole('alertdialog', { name: 'Restart mare now?' }).getByRole('button', { name: 'Restart now' }).click()
  await expect(page.getByRole('heading', { name: 'mare', exact: true })).toBeVisible()
  await expect(page.getByRole('tab', { name: 'Volumes 3' })).toBeVisible()
  await expect(titled(page, 'mare')).toContainText('Running')
  expect((await machineOf(harvester, 'mare')).spec.template.spec.domain).toMatchObject({ resources: { limits: { memory: '6Gi' } } })

  // Edited as YAML.
  await act(page, 'mare', 'Edit YAML')
  const edited = await machineOf(harvester, 'mare')
  edited.spec.template.spec['terminationGracePeriodSeconds'] = 45
  await retype(page.getByRole('textbox', { name: 'YAML editor' }), JSON.stringify(edited, null, 2))
  // The cluster notes something about it meanwhile: that is nobody's edit, and asks nothing.
  await send('PATCH', `${harvester.url}${MACHINES}/mare/status`, harvester.token, { status: { observedGeneration: 99 } }, 'application/merge-patch+json')
  await page.getByRole('button', { name: 'Review changes' }).click()
  await page.getByRole('button', { name: 'Save' }).click()
  await expect(page.getByRole('heading', { name: 'mare', exact: true })).toBeVisible()
  expect((await machineOf(harvester, 'mare')).spec.template.spec['terminationGracePeriodSeconds']).toBe(45)

  // Cloned with its data.
  await act(page, 'mare', 'Clone')
  const clone = page.getByRole('dialog', { name: 'Clone mare' })
  await expect(clone).toContainText('Stop it first for a clean copy')
  await clone.getByLabel('Name').fill('foal')
  await audit(page)
  await clone.getByRole('button', { name: 'Clone' }).click()
  await expect(page.getByRole('heading', { name: 'foal', exact: true })).toBeVisible()
  await expect(titled(page, 'foal')).toContainText('Running')

  // The clone goes with one of its two volumes; the other one stays.
  await act(page, 'foal', 'Delete')
  const remove = page.getByRole('alertdialog', { name: 'Delete foal?' })
  await expect(remove.getByRole('checkbox')).toHaveCount(2)
  await expect(remove.getByRole('checkbox').first()).toBeChecked()
  await expect(remove.getByRole('button', { name: 'Delete' })).toBeDisabled()
  await audit(page)
  await remove.getByLabel('Type foal to confirm').fill('foal')
  await remove.getByRole('button', { name: 'Delete' }).click()
  await expect(page.getByRole('heading', { name: 'It does not exist' })).toBeVisible()
  await eventually('the chosen volume to be gone, and the other one to be there', async () => {
    const { body } = await send('GET', `${harvester.url}/api/v1/namespaces/default/persistentvolumeclaims`, harvester.token)
    const names = (body['items'] as { metadata: { name: string } }[]).map(({ metadata }) => metadata.name).filter((name) => name.startsWith('foal-'))
    return (names.length === 1 && names[0]?.startsWith('foal-disk-1')) || null
  })

  // A copy without data goes through the form.
  await nav(page).getByRole('link', { name: /Virtual Machines/ }).click()
  await page.getByRole('link', { name: 'mare' }).click()
  await act(page, 'mare', 'Clone')
  await clone.getByLabel('Machine only').check()
  await clone.getByRole('button', { name: 'Continue' }).click()
  await region(page, 'Basics').getByLabel('Name', { exact: true }).fill('filly')
  await expect(region(page, 'Basics').getByLabel('Memory (GiB)')).toHaveValue('6')
  await page.getByRole('button', { name: 'Create virtual machine' }).click()
  await expect(titled(page, 'filly')).toContainText('Running')
})

test('a CD-ROM is ejected, a schedule made, and the machine put back to what a snapshot holds', async ({ page, world }) => {
  const { harvester } = await enter(page, world, ['--vms', '1'])
  const url = `${harvester.url}${MACHINES}/vm-0001`
  const { body: bare } = await send('GET', url, harvester.token)
  const { spec } = (bare as unknown as Machine).spec.template
  const devices = (spec.domain as { devices: { disks?: unknown[] } }).devices
  devices.disks = [...(devices.disks ?? []), { name: 'tools', cdrom: { bus: 'sata' } }]
  spec.volumes = [...spec.volumes, { name: 'tools', containerDisk: { image: 'example.org/tools:1' } }]
  expect((await send('PUT', url, harvester.token, bare)).code).toBe(200)
  await nav(page).getByRole('link', { name: /Virtual Machines/ }).click()
  // The dashboard, which is still there for a moment, has links of that name too.
  await expect(page.getByRole('heading', { name: 'Virtual Machines' })).toBeVisible()
  await page.getByRole('link', { name: 'vm-0001' }).click()
  await expect(titled(page, 'vm-0001')).toContainText('Running')

  await act(page, 'vm-0001', 'Eject CD-ROM')
  const eject = page.getByRole('dialog', { name: 'Eject CD-ROMs of vm-0001' })
  await expect(eject.getByRole('checkbox', { name: 'tools' })).toBeChecked()
  await audit(page)
  await eject.getByRole('button', { name: 'Eject' }).click()
  await expect(page.getByText('vm-0001 is being changed')).toBeVisible()
  const ejected = await machineOf(harvester, 'vm-0001')
  expect(JSON.stringify(ejected.spec.template.spec)).not.toContain('tools')
  await expect(titled(page, 'vm-0001')).toContainText('Running')

  await act(page, 'vm-0001', 'Take Snapshot')
  await page.getByRole('dialog').getByLabel('Name').fill('monday')
  await audit(page)
  await page.getByRole('dialog').getByRole('button', { name: 'Take Snapshot' }).click()
  // The stand-in takes no backups: what a cluster writes when one is complete.
  const backups = `${harvester.url}/apis/harvesterhci.io/v1beta1/namespaces/default/virtualmachinebackups/monday`
  await eventually('the snapshot', async () => (await send('GET', backups, harvester.token)).code === 200 || null)
  for (const path of [backups, `${backups}/status`]) await send('PATCH', path, harvester.token, { status: { readyToUse: true } }, 'application/merge-patch+json')
  await act(page, 'vm-0001', 'Create Schedule')
  await expect(page.getByRole('heading', { name: 'Create VM schedule' })).toBeVisible()
  await expect(page.getByLabel('Virtual machine')).toHaveValue('vm-0001')
  await page.goBack()

  await page.getByRole('button', { name: 'Stop', exact: true }).click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Stop' }).click()
  await expect(titled(page, 'vm-0001')).toContainText('Stopped')
  await act(page, 'vm-0001', 'Restore')
  const restore = page.getByRole('alertdialog', { name: 'Restore vm-0001' })
  await restore.getByLabel('Backup or snapshot').selectOption({ index: 1 })
  await expect(restore.getByLabel('Backup or snapshot')).toHaveValue('monday')
  await audit(page)
  await restore.getByRole('button', { name: 'Replace and Restore' }).click()
  await expect(page.getByText('vm-0001 is being restored')).toBeVisible()
  const { body } = await send('GET', `${harvester.url}/apis/harvesterhci.io/v1beta1/namespaces/default/virtualmachinerestores`, harvester.token)
  const [restored] = body['items'] as { spec: object }[]
  expect(restored?.spec).toMatchObject({ target: { kind: 'VirtualMachine', name: 'vm-0001' }, virtualMachineBackupName: 'monday', newVM: false, deletionPolicy: 'retain' })
})
