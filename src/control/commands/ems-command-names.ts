// Every command of EMS's interface, served here or not (API manuals of 1.6 to 2.0; the two old names of listConfig and
// removeConfig too). A path whose last segment is one of these is a command: its caller reads `status` in a reply of
// status 200, FAIL included (ems-record-spec §1.4).

const EMS_COMMANDS = `
  addGroupNameAlias addMetadataListener addStorage addStreamAlias clientsConnected createDASHStream createHDSStream
  createHLSStream createIngestPoint createMSSStream createService enableService flushGroupNameAliases
  flushStreamAliases generateLazyPullFile generateServerPlaylist getBandwidth getConfigInfo getConnectionInfo
  getConnectionsCount getConnectionsCountLimit getExtendedConnectionCounters getGroupNameByAlias
  getInboundStreamsCount getLicenseId getMetadata getServerInfo getStreamInfo getStreamsCount help
  httpClientsConnected insertPlaylistItem isStreamRunning launchProcess listConfig listConnections
  listConnectionsIds listEdges listGroupNameAliases listHttpStreamingSessions listInboundStreamNames
  listInboundStreams listIngestPoints listMediaFiles listMetadataListeners listPullPushConfig listServices
  listStorage listStreamAliases listStreams listStreamsIds listTimers pullStream pushMetadata pushStream quit record
  removeConfig removeGroupNameAlias removeGroupNameAliases removeIngestPoint removeMediaFile removePullPushConfig
  removeStorage removeStreamAlias removeTimer resetMaxFdCounters resetTotalFdCounters sendWebRTCCommand
  setAuthentication setBandwidthLimit setConnectionsCountLimit setLogLevel setTimer shutdownMetadata shutdownServer
  shutdownService shutdownStream startWebRTC stopWebRTC transcode uploadMedia version
`;

export const EMS_COMMAND_NAMES: readonly string[] = EMS_COMMANDS.trim().split(/\s+/);

const NAMES: ReadonlySet<string> = new Set(EMS_COMMAND_NAMES.map((name) => name.toLowerCase()));

/** Compared without regard to case, as commands are. */
export function isEmsCommand(name: string): boolean {
  return NAMES.has(name.toLowerCase());
}
