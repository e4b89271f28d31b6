/** What a container is, and when it runs. */

import { MOUNT_OPTIONS, USER_PASSWORD } from '../texts.js';
import * as types from '../value-type.js';
import { plain, words } from '../value-type.js';
import { container, type Parameter, stored } from './parameter.js';

/** libvzctl's `auto` is what vzctl does when nobody says. */
export const ONBOOT = plain(
  'yes|no|auto',
  (text): boolean | 'auto' => (text === 'auto' ? text : types.YES_NO.parse(text)),
  true,
);
export const AUTOSTOP = words('stop', 'suspend');

const KEPT = 'kept for other tools';

export const IDENTITY: readonly Parameter[] = [
  container(['VE_ROOT', '--root'], types.PATH_PATTERN, 'mount point of the root file system', {
    settable: false,
  }),
  container(['VE_PRIVATE', '--private'], types.PATH_PATTERN, 'directory that stores the container', {
    settable: false,
  }),
  container(['OSTEMPLATE', '--ostemplate'], types.PLAIN_NAME, 'template the container is made from'),
  container(['ORIGIN_SAMPLE'], types.PLAIN_NAME, 'sample configuration it started from'),
  container(['HOSTNAME', '--hostname'], types.HOSTNAME, 'host name inside the container', {
    live: true,
    default: 'CT and the id',
  }),
  container(['NAME', '--name'], types.CONTAINER_NAME, 'name to use in place of the id', { live: true }),
  container(['DESCRIPTION', '--description'], types.TEXT, 'one line of free text', { live: true }),
  container(['ONBOOT', '--onboot'], ONBOOT, 'start when the host boots; auto: if it ran before', {
    live: true,
    default: 'auto',
  }),
  container(['BOOTORDER', '--bootorder'], types.ORDER, 'the higher, the earlier it starts at boot', {
    live: true,
    default: 'last',
  }),
  stored(['AUTOSTOP', '--autostop'], AUTOSTOP, 'what to do when the host shuts down', {
    live: true,
    default: 'stop',
  }),
  container(['DISABLED', '--disabled'], types.YES_NO, 'refuse to start', { live: true, default: 'no' }),
  container(['STOP_TIMEOUT', '--stop-timeout'], types.SECONDS, 'how long to wait on stop, 0 for 120', {
    unit: 'seconds',
    live: true,
    default: '120',
  }),
  container(['USERPASSWD', '--userpasswd'], USER_PASSWORD, 'password of a user inside; never saved', {
    saved: false,
    live: true,
  }),
  container(['MOUNT_OPTS', '--mount_opts'], MOUNT_OPTIONS, 'options of the file system in a disk image'),
  container(['LOCAL_UID', '--local_uid'], types.ID, 'host user id of its root', { settable: false }),
  container(['LOCAL_GID', '--local_gid'], types.ID, 'host group id of its root', { settable: false }),
  stored(['AUTOCOMPACT', '--autocompact'], types.YES_NO, 'whether its image may be shrunk'),
  stored(['HA_ENABLE', '--ha_enable'], types.YES_NO, 'whether a cluster looks after it'),
  stored(['HA_PRIO', '--ha_prio'], types.COUNT, 'its priority in a cluster'),
  ...['CONFIG_CUSTOMIZED', 'VEID', 'UUID', 'VE_TYPE', 'DISTRIBUTION', 'TECHNOLOGIES', 'OSRELEASE'].map(
    (key) => stored([key], types.TEXT, KEPT),
  ),
  ...['TEMPLATES', 'SLMMODE', 'SLMMEMORYLIMIT', 'APPLY_IPONLY', 'VE_ENVIRONMENT'].map((key) =>
    stored([key], types.TEXT, KEPT),
  ),
];
