package apns

// The reasons of the device-push, broadcast and channel APIs (spec §3.2, §3.3;
// Apple: Handling notification responses from APNs).
const (
	reasonBadCollapseID        = "BadCollapseId"
	reasonBadDeviceToken       = "BadDeviceToken"
	reasonBadExpirationDate    = "BadExpirationDate"
	reasonBadMessageID         = "BadMessageId"
	reasonBadPriority          = "BadPriority"
	reasonBadTopic             = "BadTopic"
	reasonTokenNotForTopic     = "DeviceTokenNotForTopic"
	reasonDuplicateHeaders     = "DuplicateHeaders"
	reasonIdleTimeout          = "IdleTimeout"
	reasonInvalidPushType      = "InvalidPushType"
	reasonMissingDeviceToken   = "MissingDeviceToken"
	reasonMissingTopic         = "MissingTopic"
	reasonPayloadEmpty         = "PayloadEmpty"
	reasonTopicDisallowed      = "TopicDisallowed"
	reasonBadEnvironment       = "BadCertificateEnvironment"
	reasonExpiredProviderToken = "ExpiredProviderToken"
	reasonForbidden            = "Forbidden"
	reasonInvalidProviderToken = "InvalidProviderToken"
	reasonMissingProviderToken = "MissingProviderToken"
	reasonUnrelatedKey         = "UnrelatedKeyIdInToken"
	reasonBadPath              = "BadPath"
	reasonMethodNotAllowed     = "MethodNotAllowed"
	reasonUnregistered         = "Unregistered"
	reasonPayloadTooLarge      = "PayloadTooLarge"
	reasonTooManyTokenUpdates  = "TooManyProviderTokenUpdates"
	reasonTooManyRequests      = "TooManyRequests"
	reasonInternalServerError  = "InternalServerError"
	reasonShutdown             = "Shutdown"
	reasonMissingChannelID     = "MissingChannelId"
	reasonBadChannelID         = "BadChannelId"
	reasonChannelNotRegistered = "ChannelNotRegistered"
	reasonBadRequestPayload    = "BadRequestPayload"
	reasonBadRequestParams     = "BadRequestParams"
	reasonMissingPushType      = "MissingPushType"
	reasonCannotCreateChannel  = "CannotCreateChannelConfig"
	reasonTopicMismatch        = "TopicMismatch"
)

const statusHeaderFieldsTooLarge = 431

// Limits (spec §2.2, §2.4, §2.5, §2.8, §4).
const (
	maxCollapseID               = 64   // bytes
	maxPayload                  = 4096 // bytes
	maxPayloadVoIPOrBroadcast   = 5120 // bytes
	maxTokenBytes               = 100  // not documented; spec §11 no. 17
	maxChannels                 = 10000
	maxTopicsPerKey             = 400
	maxProviderTokenAgeSeconds  = 3600
	maxProviderTokenAheadSecond = 3600
)

// refusal is why a request is not accepted.
type refusal struct {
	status int
	reason string
	// timestamp is when the token died, in milliseconds since the epoch; 410 only.
	timestamp int64
}

func refuse(status int, reason string) *refusal { return &refusal{status: status, reason: reason} }
