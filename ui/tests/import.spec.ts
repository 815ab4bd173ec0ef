/** Flow 2: importing a Harvester, with everything the registration page says on the way. */
import { audit, expect, logIn, settleIn, test } from './world'

test('a Harvester is imported with the words people know, and the page follows every step', async ({ page, world }) => {
  await world.startServer()
  await settleIn(world)
  const harvester = await world.startCluster('paddock', ['--vms', '3'])
  await logIn(page, world)

  await page.getByRole('button', { name: 'Main menu' }).click()
  await page.getByRole('dialog').getByRole('link', { name: 'Virtualization Management' }).click()
  await expect(page.getByRole('heading', { name: 'Harvester Clusters' })).toBeVisible()
  await expect(page.getByRole('heading', { name: 'No clusters yet' })).toBeVisible()
  await audit(page)
  await page.getByRole('link', { name: 'Import Existing' }).first().click()

  // The form says at the field what is wrong with it, in our words and in the server's.
  await expect(page.getByRole('heading', { name: 'Import a Harvester cluster' })).toBeVisible()
  await page.getByLabel('Cluster Name').fill('Paddock One')
  await page.getByRole('button', { name: 'Create' }).click()
  await expect(page.getByLabel('Cluster Name')).toHaveAccessibleDescription(/lower-case letters/)
  await page.getByLabel('Cluster Name').fill('paddock')
  await page.getByLabel('Description').fill('The cluster in the barn')
  await expect(page.getByRole('tabpanel', { name: 'Member Roles' })).toContainText('Cluster Owner')
  await audit(page)
  await page.getByRole('tab', { name: 'Agent Environment Vars' }).click()
  await page.getByRole('button', { name: 'Add variable' }).click()
  await page.getByLabel('Name 1').fill('NO_PROXY')
  await page.getByLabel('Value 1').fill('10.0.0.0/8')
  await audit(page)
  await page.getByRole('tab', { name: 'Labels & Annotations' }).click()
  await page.getByRole('button', { name: 'Add label' }).click()
  await page.getByLabel('Key 1').fill('site')
  await page.getByLabel('Value 1').fill('north')
  await audit(page)
  await page.getByRole('button', { name: 'Create' }).click()

  // The registration page: three steps, both forms, kubectl, and the checklist waiting.
  await expect(page.getByRole('heading', { name: 'paddock', exact: true })).toBeVisible()
  await expect(page.getByText('go to Advanced → Settings')).toBeVisible()
  const url = page.getByRole('group', { name: 'Registration URL' }).getByRole('code')
  await expect(url).toHaveText(/^https:\/\/127\.0\.0\.1:\d+\/v3\/import\/\w+_c-m-\w+\.yaml$/)
  const plain = await url.innerText()
  await page.getByLabel('With certificate check').check()
  expect(JSON.parse(await url.innerText())).toEqual({ url: plain, insecureSkipTLSVerify: false })
  await expect(page.getByText('Harvester 1.7.2 and later')).toBeVisible()
  await page.getByLabel('Address alone').check()
  await expect(page.getByRole('group', { name: 'Command', exact: true })).toContainText(`kubectl apply -f ${plain}`)
  const checklist = page.getByRole('list', { name: 'Progress' })
  await expect(checklist.getByRole('listitem').first()).toContainText('Waiting for the Harvester to fetch the address')
  await audit(page)

  await harvester.register(plain)
  await expect(checklist.getByRole('listitem').filter({ hasText: 'Manifest fetched' })).toContainText('from 127.0.0.1')
  await expect(checklist.getByText('Done', { exact: true })).toHaveCount(7)
  await expect(page.getByText('paddock is connected and ready')).toBeVisible()
  await audit(page)
  for (const tab of ['Conditions', 'Related Resources', 'Events', 'YAML']) {
    await page.getByRole('tab', { name: tab }).click()
    await expect(page.getByRole('tabpanel', { name: tab })).toBeVisible()
    await audit(page)
  }

  // In the list, with what the cluster itself says.
  await page.getByRole('link', { name: 'Virtualization Management' }).click()
  const row = page.getByRole('row').filter({ hasText: 'paddock' })
  for (const text of ['Ready', 'v1.6.1', 'v1.33', '1']) await expect(row).toContainText(text)
  await expect(page.getByRole('columnheader')).toContainText(['', 'State', 'Name', 'Harvester Version', 'Kubernetes Version', 'Machines', 'Age', 'Actions'])
  await audit(page)
  await row.getByRole('link', { name: 'paddock' }).click()
  await expect(page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Virtual Machines 3' })).toBeVisible()
})

test('a name that is taken is refused at its field, and nothing typed is lost by a reload', async ({ page, world }) => {
  await world.startServer()
  await settleIn(world)
  await logIn(page, world)
  await page.goto(`${world.url}/dashboard/clusters/import`)
  await page.getByLabel('Cluster Name').fill('paddock')
  await page.getByRole('button', { name: 'Create' }).click()
  await expect(page.getByRole('group', { name: 'Registration URL' })).toBeVisible()

  await page.goto(`${world.url}/dashboard/clusters/import`)
  await page.getByLabel('Cluster Name').fill('paddock')
  await page.getByLabel('Description').fill('typed with care')
  await page.getByRole('button', { name: 'Create' }).click()
  await expect(page.getByText(/already exists/)).toBeVisible()
  await audit(page)
  await page.reload()
  await expect(page.getByLabel('Description')).toHaveValue('typed with care')
  await expect(page.getByText('What you typed earlier is still here')).toBeVisible()
  // Leaving asks; staying keeps everything.
  await page.getByRole('link', { name: 'Home' }).click()
  await expect(page.getByRole('alertdialog', { name: 'Leave without saving?' })).toBeVisible()
  await page.getByRole('button', { name: 'Cancel' }).last().click()
  await expect(page.getByLabel('Description')).toHaveValue('typed with care')
})

test('a Harvester that is imported already is told what to do about it', async ({ page, world }) => {
  await world.startServer()
  await settleIn(world)
  const harvester = await world.startCluster('paddock')
  await logIn(page, world)
  for (const name of ['first', 'second']) {
    await page.goto(`${world.url}/dashboard/clusters/import`)
    await page.getByLabel('Cluster Name').fill(name)
    await page.getByRole('button', { name: 'Create' }).click()
    await harvester.register(await page.getByRole('group', { name: 'Registration URL' }).getByRole('code').innerText())
    if (name === 'first') await expect(page.getByText('first is connected and ready')).toBeVisible()
  }
  const checklist = page.getByRole('list', { name: 'Progress' })
  await expect(checklist).toContainText('This Harvester is already imported under another name')
  await audit(page)
})
