import { defineMessages } from '@/core/i18n'

export const tasksMessages = defineMessages({
  en: { title: 'Tasks', about: 'Work you started on this page. The list lasts until the page is closed; the work itself goes on in the clusters.', none: 'Nothing is running', noneText: 'Deleting a cluster and other work that takes a while shows up here.', cancel: 'Cancel', states: { running: 'Running', done: 'Done', failed: 'Failed', cancelled: 'Cancelled' } },
  de: { title: 'Aufgaben', about: 'Arbeit, die Sie auf dieser Seite begonnen haben. Die Liste hält, bis die Seite geschlossen wird; die Arbeit selbst geht in den Clustern weiter.', none: 'Nichts läuft', noneText: 'Das Löschen eines Clusters und andere längere Arbeit erscheint hier.', cancel: 'Abbrechen', states: { running: 'Läuft', done: 'Fertig', failed: 'Fehlgeschlagen', cancelled: 'Abgebrochen' } },
  'zh-Hans': { title: '任务', about: '您在此页面上启动的工作。列表在页面关闭前有效；工作本身会在集群中继续。', none: '没有正在运行的任务', noneText: '删除集群等耗时的工作会显示在这里。', cancel: '取消', states: { running: '运行中', done: '完成', failed: '失败', cancelled: '已取消' } },
})
