// The SDK in one running app, without the facade: for apps that want an object, and for tests.
#import <Foundation/Foundation.h>
#import "AURClock.h"
#import "AURConfig.h"
#import "AURErrors.h"
#import "AURStorage.h"
#import "AURTransport.h"

NS_ASSUME_NONNULL_BEGIN

@class AURReceiptQueue;

/// What a client needs from its surroundings. AURSystem makes it of the running app.
@interface AUREnvironment : NSObject
@property (nonatomic) id<AURTransport> transport;
@property (nonatomic) id<AURStorage> storage;
@property (nonatomic) id<AURClock> clock;
@property (nonatomic) id<AURQueue> queue;      ///< serial; the client's own work
@property (nonatomic) id<AURQueue> callbacks;  ///< serial; where completions and handlers are called
/// What the app group shares with the service extension; nil without one.
@property (nonatomic, nullable) AURReceiptQueue *receiptQueue;
@property (nonatomic, copy) NSString *bundleID;
/// Facts about app and device that each start reports: any of app_version, os_version, model, language, time_zone.
@property (nonatomic, copy) NSDictionary<NSString *, NSString *> *profile;
@end

/// Makes an installation known to Aurora, keeps its desired state there up to date and reports receipts.
///
/// Everything the app asks for is a desired state: it is stored first and sent afterwards, in the background, again and again
/// with growing pauses until Aurora has confirmed or refused it. The last write of a value wins. Nothing is lost when the app
/// ends in between. All methods may be called from any thread and none waits. Completions are called exactly once, on the
/// callback queue: with nil or a value, with a refusal, or with AURErrorTimedOut after 20 s (the value is still delivered
/// later).
@interface AURClient : NSObject

/// No I/O and no identity before start.
- (instancetype)initWithConfig:(AURConfig *)config environment:(AUREnvironment *)environment NS_DESIGNATED_INITIALIZER;
- (instancetype)init NS_UNAVAILABLE;

@property (nonatomic, copy, readonly) AURConfig *config;
/// The registration id; empty until there is one.
@property (atomic, copy, readonly) NSString *registrationID;

// Set these before start. They are called on the callback queue.
/// An AUR…Notification of AURPushService.h with its userInfo.
@property (nonatomic, copy, nullable) void (^eventHandler)(NSString *name, NSDictionary *userInfo);
/// How long the server may hold a request for in-app messages, 10 to 60 s; default 50.
@property (nonatomic) NSInteger messageWait;

/// Begins the work: register if needed, report the profile, deliver what an earlier run left behind. Reads the stored record,
/// a small file, before it returns, so that the registration id of an earlier run is there at once.
- (void)start;
/// Ends the work. What was not confirmed stays in the store for the next client. Completions get AURErrorNotSetUp.
- (void)stop;
/// Ends a pause between attempts, tries a refused registration once more, and looks for receipts of the extension.
- (void)retry;
/// Whether in-app messages are fetched now. Default NO.
- (void)setFetchesMessages:(BOOL)fetches;

- (void)requestRegistrationID:(void (^)(NSString *_Nullable registrationID, NSError *_Nullable error))completion;
/// Passes on the push token. Empty means that there is none any more.
- (void)registerDeviceToken:(NSData *)token production:(BOOL)production;
/// Passes on the token that PushKit gave the app. Empty means that there is none any more.
- (void)registerVoIPToken:(NSData *)token production:(BOOL)production;
/// Passes on the token with which a server may start live activities of one type of attributes, and that of a running activity,
/// by a name of the app's choice. Names have 1 to 64 bytes of UTF-8. Empty or nil means that there is none any more.
- (void)registerActivityStartToken:(nullable NSData *)token type:(NSString *)type production:(BOOL)production completion:(nullable void (^)(NSError *_Nullable error))completion;
- (void)registerActivityToken:(nullable NSData *)token activity:(NSString *)name production:(BOOL)production completion:(nullable void (^)(NSError *_Nullable error))completion;
/// At most 40 bytes of UTF-8; "" removes it.
- (void)setAlias:(NSString *)alias completion:(nullable void (^)(NSError *_Nullable error))completion;
- (void)setTags:(NSSet<NSString *> *)tags completion:(nullable void (^)(NSError *_Nullable error))completion;
- (void)addTags:(NSSet<NSString *> *)tags completion:(nullable void (^)(NSError *_Nullable error))completion;
- (void)removeTags:(NSSet<NSString *> *)tags completion:(nullable void (^)(NSError *_Nullable error))completion;
/// Tags and alias in one step; nil leaves a value alone. The older limit of 7000 bytes applies to the tags.
- (void)setTags:(nullable NSSet<NSString *> *)tags alias:(nullable NSString *)alias completion:(nullable void (^)(NSError *_Nullable error))completion;
/// "" removes it.
- (void)setMobile:(NSString *)mobile completion:(nullable void (^)(NSError *_Nullable error))completion;
/// 0 to 99999; others are moved to the nearer bound.
- (void)setBadge:(NSInteger)badge;
/// Excludes the installation from all audiences and ends in-app messages, or the reverse.
- (void)setPushEnabled:(BOOL)enabled completion:(nullable void (^)(NSError *_Nullable error))completion;
/// NO after setPushEnabled:NO, as it is wanted here.
- (void)requestPushEnabled:(void (^)(BOOL enabled))completion;
/// Whether the user lets the app show notifications.
- (void)setNotificationsAllowed:(BOOL)allowed;
/// What Aurora knows, after what is pending was delivered. Not repeated when it fails.
- (void)readDevice:(void (^)(NSDictionary *_Nullable device, NSError *_Nullable error))completion;

/// A notification arrived. Payloads of other senders, and events noted before, are ignored.
- (void)noteReceived:(NSDictionary *)payload;
/// The user opened it; that it arrived is noted too.
- (void)noteOpened:(NSDictionary *)payload;
/// Calls completion when nothing waits to be delivered any more (YES), or when it will not become so soon: time is over, there
/// is no network, Aurora refuses (NO).
- (void)whenDelivered:(void (^)(BOOL delivered))completion within:(NSTimeInterval)seconds;

@end

NS_ASSUME_NONNULL_END
