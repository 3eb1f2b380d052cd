// JPush's class, with the same selectors, on top of AURPushService: an app moves over by taking this header instead of the
// vendor's and naming its server. docs/migrate-ios.md says what differs. Methods marked "not offered" do nothing but write a
// line in the log; where they have a completion it gets AURErrorNotSupported (6101).
#import "AURLocalNotifications.h"
#import "AURPushService.h"
#import "AURPushService+Notifications.h"
#import "AURRegisterEntity.h"
#import "JPUSHEntities.h"

NS_ASSUME_NONNULL_BEGIN

#define JPUSH_DEPRECATED(instead) __attribute__((deprecated(instead)))

extern NSString *const kJPFNetworkIsConnectingNotification;
extern NSString *const kJPFNetworkDidSetupNotification;
extern NSString *const kJPFNetworkDidCloseNotification;
extern NSString *const kJPFNetworkDidRegisterNotification;
extern NSString *const kJPFNetworkFailedRegisterNotification;
extern NSString *const kJPFNetworkDidLoginNotification;
extern NSString *const kJPFNetworkDidReceiveMessageNotification;
extern NSString *const kJPFServiceErrorNotification;

typedef AURTagsCompletion JPUSHTagsOperationCompletion;
typedef AURTagValidCompletion JPUSHTagValidOperationCompletion;
typedef AURAliasCompletion JPUSHAliasOperationCompletion;
typedef void (^JPUSHPropertiesOperationCompletion)(NSInteger iResCode, NSDictionary *_Nullable properties, NSInteger seq);
typedef void (^JPUSHLiveActivityTokenCompletion)(NSInteger iResCode, NSString *_Nullable iLiveActivityId, NSData *_Nullable pushToken, NSInteger seq);

@class CLLocation;

/// Inherited from AURPushService, with JPush's selectors: setupWithOption:, setupWithOption:appKey:channel:apsForProduction:,
/// registrationID, registrationIDCompletionHandler:, setPushEnable:completion:, getPushStatus:, setBackgroundEnable:,
/// setHeartBeatTimeInterval:, registerDeviceToken:, handleRemoteNotification:, requestNotificationAuthorization:,
/// openSettingsForNotification:, addTags:, setTags:, deleteTags:, cleanTags:, getAllTags:, validTag:, setAlias:, deleteAlias:,
/// getAlias:, filterValidTags:, setBadge:, resetBadge, setMobileNumber:completion:, addNotification:, removeNotification:,
/// findNotification:, setDebugMode, setLogOFF.
@interface JPUSHService : AURPushService

/// The identifier is ignored: Aurora collects none.
+ (void)setupWithOption:(nullable NSDictionary *)launchOptions
                  appKey:(NSString *)appKey
                 channel:(nullable NSString *)channel
        apsForProduction:(BOOL)production
   advertisingIdentifier:(nullable NSString *)advertisingIdentifier;

#if TARGET_OS_IPHONE
+ (void)registerForRemoteNotificationConfig:(JPUSHRegisterEntity *)config delegate:(nullable id<JPUSHRegisterDelegate>)delegate;
/// The older form: types are JPAuthorizationOptions.
+ (void)registerForRemoteNotificationTypes:(NSUInteger)types categories:(nullable NSSet *)categories;
#endif

#pragma mark Calls and live activities

/// The token that PushKit gave the app.
+ (void)registerVoipToken:(NSData *)voipToken;
/// Reports that a push to PushKit arrived.
+ (void)handleVoipNotification:(NSDictionary *)remoteInfo;
/// The push-to-start token for live activities with these attributes; nil removes it.
+ (void)registerLiveActivity:(NSString *)activityAttributes pushToStartToken:(nullable NSData *)pushToken completion:(nullable JPUSHLiveActivityTokenCompletion)completion seq:(NSInteger)seq;
/// The token of a running live activity, under the id that a push names as live_activity_id; nil when it has ended.
+ (void)registerLiveActivity:(NSString *)liveActivityId pushToken:(nullable NSData *)pushToken completion:(nullable JPUSHLiveActivityTokenCompletion)completion seq:(NSInteger)seq;

#pragma mark Deprecated tags and alias

// nil leaves a value alone, an empty set or @"" clears it, otherwise it is replaced. The callback selector is called on the
// main thread with the shape tagsAliasCallback:(int)code tags:(NSSet *)tags alias:(NSString *)alias.
+ (void)setTags:(nullable NSSet *)tags alias:(nullable NSString *)alias callbackSelector:(nullable SEL)selector target:(nullable id)target JPUSH_DEPRECATED("use setTags:completion:seq:");
+ (void)setTags:(nullable NSSet *)tags alias:(nullable NSString *)alias callbackSelector:(nullable SEL)selector object:(nullable id)target JPUSH_DEPRECATED("use setTags:completion:seq:");
+ (void)setTags:(nullable NSSet *)tags callbackSelector:(nullable SEL)selector object:(nullable id)target JPUSH_DEPRECATED("use setTags:completion:seq:");
+ (void)setAlias:(nullable NSString *)alias callbackSelector:(nullable SEL)selector object:(nullable id)target JPUSH_DEPRECATED("use setAlias:completion:seq:");
+ (void)setTags:(nullable NSSet *)tags alias:(nullable NSString *)alias fetchCompletionHandle:(nullable void (^)(int iResCode, NSSet *_Nullable iTags, NSString *_Nullable iAlias))completion JPUSH_DEPRECATED("use setTags:completion:seq:");
+ (void)setTags:(nullable NSSet *)tags aliasInbackground:(nullable NSString *)alias JPUSH_DEPRECATED("use setTags:completion:seq:");

#pragma mark Deprecated local notifications

#if TARGET_OS_IPHONE
/// Schedules by addNotification:. Returns a handle for deleteLocalNotification:, or nil when the date is over.
+ (nullable id)setLocalNotification:(nullable NSDate *)fireDate alertBody:(nullable NSString *)alertBody badge:(NSInteger)badge alertAction:(nullable NSString *)alertAction identifierKey:(nullable NSString *)notificationKey userInfo:(nullable NSDictionary *)userInfo soundName:(nullable NSString *)soundName JPUSH_DEPRECATED("use addNotification:");
+ (nullable id)setLocalNotification:(nullable NSDate *)fireDate alertBody:(nullable NSString *)alertBody badge:(NSInteger)badge alertAction:(nullable NSString *)alertAction identifierKey:(nullable NSString *)notificationKey userInfo:(nullable NSDictionary *)userInfo soundName:(nullable NSString *)soundName region:(nullable CLRegion *)region regionTriggersOnce:(BOOL)regionTriggersOnce category:(nullable NSString *)category JPUSH_DEPRECATED("use addNotification:");
+ (void)deleteLocalNotificationWithIdentifierKey:(NSString *)notificationKey JPUSH_DEPRECATED("use removeNotification:");
+ (void)deleteLocalNotification:(nullable id)localNotification JPUSH_DEPRECATED("use removeNotification:");
+ (void)clearAllLocalNotifications JPUSH_DEPRECATED("use removeNotification:");
/// Not offered: iOS answers later only; use findNotification:. Returns an empty list.
+ (NSArray *)findLocalNotificationWithIdentifier:(NSString *)notificationKey JPUSH_DEPRECATED("use findNotification:");
/// Not offered: whether a notification is shown in front is decided by the delegate.
+ (void)showLocalNotificationAtFront:(nullable id)notification identifierKey:(nullable NSString *)notificationKey JPUSH_DEPRECATED("use the delegate");
#endif

#pragma mark Not offered

+ (void)setSmartPushEnable:(BOOL)isEnable;          ///< there is no profiling to switch off
+ (void)setDataInsightsEnable:(BOOL)isEnable;       ///< no usage data is collected
+ (void)setCollectControl:(JPushCollectControl *)control; ///< none of it is collected
+ (void)setLocationEanable:(BOOL)isEnable;          ///< no location is used
+ (void)setProperties:(NSDictionary *)properties completion:(nullable JPUSHPropertiesOperationCompletion)completion seq:(NSInteger)seq;
+ (void)deleteProperties:(NSSet<NSString *> *)properties completion:(nullable JPUSHPropertiesOperationCompletion)completion seq:(NSInteger)seq;
+ (void)cleanProperties:(nullable JPUSHPropertiesOperationCompletion)completion seq:(NSInteger)seq;
+ (void)pageEnterTo:(NSString *)pageName;
+ (void)pageLeave:(NSString *)pageName;
+ (void)setInAppMessageDelegate:(nullable id<JPUSHInAppMessageDelegate>)inAppMessageDelegate;
+ (void)setNotiInMessageDelegate:(nullable id<JPUSHNotiInMessageDelegate>)notiInMessageDelegate;
+ (void)startLogPageView:(NSString *)pageName JPUSH_DEPRECATED("no page statistics");
+ (void)stopLogPageView:(NSString *)pageName JPUSH_DEPRECATED("no page statistics");
+ (void)beginLogPageView:(NSString *)pageName duration:(int)seconds JPUSH_DEPRECATED("no page statistics");
+ (void)setLatitude:(double)latitude longitude:(double)longitude;
+ (void)setLocation:(nullable CLLocation *)location;
+ (void)registerLbsGeofenceDelegate:(nullable id<JPUSHGeofenceDelegate>)delegate withLaunchOptions:(nullable NSDictionary *)launchOptions;
+ (void)setGeofeneceMaxCount:(NSInteger)count;
+ (void)setGeofenecMaxCount:(NSInteger)count JPUSH_DEPRECATED("use setGeofeneceMaxCount:");
+ (void)setGeofenecePeriodForInside:(NSInteger)period;
+ (void)removeGeofenceWithIdentifier:(NSString *)geofenceId;
+ (void)crashLogON;                                 ///< crash reports are not collected

@end

NS_ASSUME_NONNULL_END
