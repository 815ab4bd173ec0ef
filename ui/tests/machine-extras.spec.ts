/** What machines, volumes and images have beyond the everyday: credentials, devices, quotas, CD-ROMs, expansions, downloads. */
import type { Locator, Page } from '@playwright/test'

import { audit, enter, eventually, expect, nav, send, test, type Cluster } from './world'

const HARVESTER = '/apis/harvesterhci.io/v1beta1'
const DEVICES = '/apis/devices.harvesterhci.io/v1beta1'
const LONGHORN = '/apis/longhorn.io/v1beta2/namespaces/longhorn-system'
const MACHINE = '/apis/kubevirt.io/v1/namespaces/default/virtualmachines/vm-0001'
const MERGE = 'application/merge-patch+json'
const PUBLIC_KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGtoDkpM0hTo0i2x7ZtQzq0bHXH1v4rS2aVYJ3w5q0yF ann@barn'

type Json = Record<string, unknown>
interface Machine {
  metadata: { annotations: Record<string, string> }
  spec: { template: { metadata: { annotations: Record<string, string> }; spec: { accessCredentials: unknown; volumes: Json[]; domain: { devices: Json & { disks: Json[] } } } } }
}

async function get<T = Json>({ url, token }: Cluster, path: string): Promise<T> {
  const { code, body } = await send('GET', url + path, token)
  expect(code, JSON.stringify(body)).toBe(200)
  return body as T
}

/** Makes an object with the status that its controller would write. */
async function make({ url, token }: Cluster, path: string, object: { metadata: { name: string } & Json } & Json, status?: Json): Promise<void> {
  const made = await send('POST', url + path, token, object)
  expect(made.code, JSON.stringify(made.body)).toBe(201)
  if (status) await say({ url, token } as Cluster, `${path}/${object.metadata.name}`, status)
}

/** Kinds with a status of their own take it there, the others in the object. */
async function say({ url, token }: Cluster, path: string, status: Json): Promise<void> {
  const codes = [await send('PATCH', `${url}${path}/status`, token, { status }, MERGE), await send('PATCH', url + path, token, { status }, MERGE)].map(({ code }) => code)
  expect(codes).toContain(200)
}

async function makeImage(harvester: Cluster, file: string, spec: Json = {}): Promise<void> {
  const images = `${HARVESTER}/namespaces/default/virtualmachineimages`
  const name = file.replace(/\..*$/, '')
  await make(harvester, images, {
    apiVersion: 'harvesterhci.io/v1beta1',
    kind: 'VirtualMachineImage',
    metadata: { name, namespace: 'default' },
    spec: { displayName: file, sourceType: 'download', url: `https://images.example.org/${file}`, backend: 'backingimage', targetStorageClassName: 'harvester-longhorn', retry: 3, checksum: '', ...spec },
  })
  await eventually(file, async () => {
    const { status } = await get<{ status?: { progress?: number } }>(harvester, `${images}/${name}`)
    return status?.progress === 100 || null
  })
}

async function openMachine(page: Page): Promise<Locator> {
  await nav(page).getByRole('link', { name: /Virtual Machines/ }).click()
  // The dashboard, which is still there for a moment, has links of that name too.
  await expect(page.getByRole('heading', { name: 'Virtual Machines' })).toBeVisible()
  await page.getByRole('link', { name: 'vm-0001' }).click()
  const header = page.getByRole('group', { name: 'vm-0001', exact: true }).filter({ has: page.getByRole('heading', { level: 1 }) })
  await expect(header).toContainText('Running')
  return header
}

async function act(page: Page, name: string, action: string): Promise<void> {
  await page.getByRole('button', { name: `Actions for ${name}` }).click()
  await page.getByRole('menuitem', { name: action, exact: true }).click()
}
const region = (page: Page, name: string): Locator => page.getByRole('region', { name, exact: true })
const dataOf = async (harvester: Cluster, secret: string): Promise<Record<string, string>> => {
  const { data } = await get<{ data: Record<string, string> }>(harvester, `/api/v1/namespaces/default/secrets/${secret}`)
  return Object.fromEntries(Object.entries(data).map(([name, text]) => [name, Buffer.from(text, 'base64').toString()]))
}

test('people are let into the guest, and devices given to it', async ({ page, world }) => {
  const { harvester } = await enter(page, world, ['--vms', '1'])
  await make(harvester, `${HARVESTER}/namespaces/default/keypairs`, { apiVersion: 'harvesterhci.io/v1beta1', kind: 'KeyPair', metadata: { name: 'ann', namespace: 'default' }, spec: { publicKey: PUBLIC_KEY } })
  for (const [name, nodeName] of [['paddock-000001000', 'paddock'], ['meadow-000001000', 'meadow']] as const) {
    const pci = { address: '0000:01:00.0', vendorId: '10de', deviceId: '1eb8', iommuGroup: '12', nodeName, resourceName: 'nvidia.com/TU104GL_TESLA_T4', description: 'NVIDIA Tesla T4' }
    await make(harvester, `${DEVICES}/pcidevices`, { apiVersion: 'devices.harvesterhci.io/v1beta1', kind: 'PCIDevice', metadata: { name } }, pci)
    await make(harvester, `${DEVICES}/pcideviceclaims`, { apiVersion: 'devices.harvesterhci.io/v1beta1', kind: 'PCIDeviceClaim', metadata: { name }, spec: { address: pci.address, nodeName, userName: 'admin' } }, { passthroughEnabled: true })
  }
  await openMachine(page)
  await page.keyboard.press('e')
  await expect(page.getByRole('heading', { name: 'Edit vm-0001' })).toBeVisible()

  const devices = region(page, 'Devices')
  await devices.getByRole('combobox', { name: /PCI devices/ }).selectOption({ label: 'NVIDIA Tesla T4 · 0000:01:00.0 · paddock' })
  await devices.getByRole('combobox', { name: /PCI devices/ }).selectOption({ label: 'NVIDIA Tesla T4 · 0000:01:00.0 · meadow' })
  await expect(devices.getByRole('status')).toContainText('meadow and paddock')
  await devices.getByRole('button', { name: /Remove .* meadow/ }).click()
  await expect(devices.getByRole('status')).toHaveCount(0)

  const credentials = region(page, 'Access Credentials')
  await credentials.getByRole('button', { name: 'Add Password' }).click()
  await credentials.getByRole('button', { name: 'Add SSH Keys' }).click()
  await page.getByRole('button', { name: 'Save' }).click()
  const password = credentials.getByRole('group', { name: 'Password 1' })
  await expect(password.getByLabel('User')).toHaveAccessibleDescription('Required')
  await expect(password.getByLabel('Password', { exact: true })).toHaveAccessibleDescription(/At least 6/)
  await expect(credentials.getByText(/Something is missing/)).toBeVisible()
  await password.getByLabel('User').fill('root')
  await password.getByLabel('Password', { exact: true }).fill('first secret')
  const keys = credentials.getByRole('group', { name: 'SSH keys 2' })
  await keys.getByLabel('Users').fill('ann, ben')
  await keys.getByRole('combobox', { name: /SSH keys/ }).selectOption('default/ann')
  await expect(credentials.getByText(/Something is missing/)).toHaveCount(0)
  await audit(page)
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByRole('alertdialog', { name: 'Restart vm-0001 now?' }).getByRole('button', { name: 'Restart now' }).click()
  await expect(page.getByRole('heading', { name: 'vm-0001', exact: true })).toBeVisible()

  const { spec } = await get<Machine>(harvester, MACHINE)
  const [first, second] = spec.template.spec.accessCredentials as [{ userPassword: { source: { secret: { secretName: string } } } }, { sshPublicKey: { source: { secret: { secretName: string } }; propagationMethod: unknown } }]
  expect(second.sshPublicKey.propagationMethod).toEqual({ qemuGuestAgent: { users: ['ann', 'ben'] } })
  expect(spec.template.spec.domain.devices['hostDevices']).toEqual([{ name: 'paddock-000001000', deviceName: 'nvidia.com/TU104GL_TESLA_T4' }])
  const [ofPassword, ofKeys] = [first.userPassword.source.secret.secretName, second.sshPublicKey.source.secret.secretName]
  expect(await dataOf(harvester, ofPassword)).toEqual({ root: 'first secret' })
  expect(await dataOf(harvester, ofKeys)).toEqual({ 'default-ann': PUBLIC_KEY })
  expect(spec.template.metadata.annotations).toMatchObject({ 'harvesterhci.io/dynamic-ssh-key-users': '["ann","ben"]', 'harvesterhci.io/dynamic-ssh-key-names': JSON.stringify({ [ofKeys]: ['default/ann'] }) })

  await page.getByRole('tab', { name: /Access credentials/ }).click()
  const table = page.getByRole('table', { name: 'Secret' })
  await expect(table.getByRole('row').filter({ hasText: ofPassword })).toContainText('root')
  await expect(table.getByRole('row').filter({ hasText: ofKeys })).toContainText('ann, ben')
  await audit(page)
  await page.getByRole('tab', { name: /Devices/ }).click()
  await expect(page.getByRole('row').filter({ hasText: 'paddock-000001000' })).toContainText('NVIDIA Tesla T4')
  await page.getByRole('tab', { name: /Instance labels/ }).click()
  await expect(page.getByRole('table', { name: 'Instance labels' })).toContainText('harvesterhci.io/vmName')
  await audit(page)

  // Another password is no reason to restart anything.
  await page.keyboard.press('e')
  await expect(password.getByLabel('User')).toHaveValue('root')
  await password.getByLabel('Password', { exact: true }).fill('second secret')
  await page.getByRole('button', { name: 'Save' }).click()
  await expect(page.getByRole('heading', { name: 'vm-0001', exact: true })).toBeVisible()
  await expect(page.getByRole('alertdialog')).toHaveCount(0)
  expect(await dataOf(harvester, ofPassword)).toEqual({ root: 'second secret' })
})

test('snapshots of a machine get a limit, and lose it again', async ({ page, world }) => {
  const { harvester } = await enter(page, world, ['--vms', '1'])
  const quota = `${HARVESTER}/namespaces/default/resourcequotas/default-resource-quota`
  await openMachine(page)
  await act(page, 'vm-0001', 'Edit VM Quota')
  const dialog = page.getByRole('dialog', { name: 'Quota of vm-0001' })
  await dialog.getByLabel('Total size of snapshots (GiB)').fill('0')
  await expect(dialog.getByRole('button', { name: 'Save' })).toBeDisabled()
  await dialog.getByLabel('Total size of snapshots (GiB)').fill('10')
  await audit(page)
  await dialog.getByRole('button', { name: 'Save' }).click()
  await expect(page.getByText('Snapshots of vm-0001 may take 10 GiB')).toBeVisible()
  expect(await get(harvester, quota)).toMatchObject({ spec: { snapshotLimit: { vmTotalSnapshotSizeQuota: { 'vm-0001': 10 * 2 ** 30 } } } })

  await say(harvester, quota, { snapshotLimitStatus: { vmTotalSnapshotSizeUsage: { 'vm-0001': 4 * 2 ** 30 } } })
  await page.getByRole('tab', { name: 'Quotas' }).click()
  await expect(page.getByRole('meter', { name: 'Its snapshots' })).toHaveAttribute('aria-valuetext', '4 GiB of 10 GiB used')
  await audit(page)
  await page.getByRole('tabpanel').getByRole('link', { name: 'default' }).click()
  await page.getByRole('tab', { name: /Quotas/ }).click()
  await expect(page.getByRole('meter', { name: 'vm-0001' })).toBeVisible()
  await audit(page)

  await page.getByRole('tabpanel').getByRole('link', { name: 'vm-0001' }).click()
  await act(page, 'vm-0001', 'Edit VM Quota')
  await expect(dialog.getByLabel('Total size of snapshots (GiB)')).toHaveValue('10')
  await dialog.getByLabel('Total size of snapshots (GiB)').fill('')
  await dialog.getByRole('button', { name: 'Save' }).click()
  await expect(page.getByText('Nothing limits the snapshots of vm-0001 any more')).toBeVisible()
  expect(JSON.stringify(await get(harvester, quota))).not.toContain('10737418240')
})

test('a CD-ROM is inserted with a drive of its own, and ejected', async ({ page, world }) => {
  const { harvester } = await enter(page, world, ['--vms', '1'])
  await makeImage(harvester, 'installer.iso')
  const header = await openMachine(page)
  await act(page, 'vm-0001', 'Insert CD-ROM')
  const insert = page.getByRole('dialog', { name: 'Insert a CD-ROM into vm-0001' })
  await expect(insert).toContainText('The machine is restarted')
  await insert.getByLabel('ISO image').selectOption({ label: 'default/installer.iso' })
  await audit(page)
  await insert.getByRole('button', { name: 'Insert and Restart' }).click()
  await expect(page.getByText('default/installer.iso is being inserted into vm-0001')).toBeVisible()
  const { metadata, spec } = await get<Machine>(harvester, MACHINE)
  expect(spec.template.spec.domain.devices.disks.at(-1)).toMatchObject({ name: 'cdrom-0', cdrom: { bus: 'sata' } })
  const [{ claimName } = { claimName: '' }] = spec.template.spec.volumes.flatMap((volume) => (volume['name'] === 'cdrom-0' ? [volume['persistentVolumeClaim'] as { claimName: string }] : []))
  expect(claimName).toMatch(/^vm-0001-cdrom-0-/)
  expect(metadata.annotations['harvesterhci.io/volumeClaimTemplates']).toContain(claimName)
  await eventually('the volume of the CD-ROM', async () => (await send('GET', `${harvester.url}/api/v1/namespaces/default/persistentvolumeclaims/${claimName}`, harvester.token)).code === 200 || null)
  await expect(header).toContainText('Running')

  await act(page, 'vm-0001', 'Eject CD-ROM')
  const eject = page.getByRole('dialog', { name: 'Eject CD-ROMs of vm-0001' })
  await expect(eject.getByRole('checkbox', { name: 'cdrom-0' })).toBeChecked()
  await eject.getByRole('button', { name: 'Eject' }).click()
  await expect(page.getByText('vm-0001 is being changed')).toBeVisible()
  expect(JSON.stringify((await get<Machine>(harvester, MACHINE)).spec)).not.toContain('cdrom-0')
})

test('what a cluster cannot do is not offered', async ({ page, world }) => {
  await enter(page, world, ['--vms', '1'])
  await openMachine(page)
  await page.getByRole('button', { name: 'Actions for vm-0001' }).click()
  await expect(page.getByRole('menuitem', { name: 'Insert CD-ROM' })).toBeVisible()
  // The stand-in has one node and is a release that has none of these yet.
  for (const name of ['Add Network Interface', 'Remove Network Interface', 'Migrate Storage']) await expect(page.getByRole('menuitem', { name })).toHaveCount(0)
})

test('an image is saved as it comes, and only where the cluster has its file', async ({ page, world }) => {
  const { harvester } = await enter(page, world)
  await makeImage(harvester, 'ubuntu.img')
  await makeImage(harvester, 'debian.qcow2')
  await make(harvester, `${LONGHORN}/backingimages`, { apiVersion: 'longhorn.io/v1beta2', kind: 'BackingImage', metadata: { name: 'vmi-ubuntu', namespace: 'longhorn-system', annotations: { 'harvesterhci.io/imageId': 'default/ubuntu' } }, spec: {} })
  // Longhorn itself, which the stand-in is not.
  await page.route('**/services/http:longhorn-backend:9500/proxy/v1/backingimages/vmi-ubuntu/download', (route) => route.fulfill({ body: 'packed bytes', headers: { 'Content-Type': 'application/octet-stream', 'X-Request-Id': 'r' } }))

  await nav(page).getByRole('link', { name: /Images/ }).click()
  await page.getByRole('link', { name: 'debian.qcow2' }).click()
  await page.getByRole('button', { name: 'Actions for debian' }).click()
  await expect(page.getByRole('menuitem', { name: 'Download YAML' })).toBeVisible()
  await expect(page.getByRole('menuitem', { name: 'Download', exact: true })).toHaveCount(0)
  await page.keyboard.press('Escape')

  await nav(page).getByRole('link', { name: /Images/ }).click()
  await page.getByRole('link', { name: 'ubuntu.img' }).click()
  await act(page, 'ubuntu.img', 'Download')
  const dialog = page.getByRole('dialog', { name: 'Download ubuntu.img' })
  await expect(dialog).toContainText('ubuntu.img.gz')
  await audit(page)
  const saved = page.waitForEvent('download')
  await dialog.getByRole('button', { name: 'Download' }).click()
  expect((await saved).suggestedFilename()).toBe('ubuntu.img.gz')
  await expect(dialog).toHaveCount(0)
})
