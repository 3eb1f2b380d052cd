// Aurora's SDK for an app: everything is a class method, as JPush users know it.
//
//   1. setupWithOption: (or its longer form) in application:didFinishLaunchingWithOptions:. Before it nothing runs, nothing is
//      collected and no identity exists.
//   2. registerDeviceToken: in application:didRegisterForRemoteNotificationsWithDeviceToken:.
//   3. The notification methods of AURPushService+Notifications.h.
//
// All methods may be called from any thread unless they say otherwise, and none waits for the network. Completions are called
// exactly once, on the main thread: code 0 is success, other codes are AURErrorCode; after 20 s without an answer it is 6002,
// and the value is still kept and delivered.
#import <Foundation/Foundation.h>
#import "AURConfig.h"
#import "AURErrors.h"
#import "AURLog.h"
#import "AURNotifications.h"

NS_ASSUME_NONNULL_BEGIN

typedef void (^AURTagsCompletion)(NSInteger code, NSSet<NSString *> *_Nullable tags, NSInteger sequence);
typedef void (^AURTagValidCompletion)(NSInteger code, NSSet<NSString *> *_Nullable tags, NSInteger sequence, BOOL bound);
typedef void (^AURAliasCompletion)(NSInteger code, NSString *_Nullable alias, NSInteger sequence);

@interface AURPushService : NSObject

#pragma mark Before setup

/// Where Aurora runs, if PushConfig.plist has no SERVER.
+ (void)setServer:(NSString *)baseURL;
/// The app group shared with the notification service extension, if PushConfig.plist has no APP_GROUP.
+ (void)setAppGroup:(nullable NSString *)group;
/// Whether in-app messages are fetched in the background too, while the system lets the app run. Default NO.
+ (void)setBackgroundEnable:(BOOL)enabled;
/// How long a request for in-app messages may stay open, in seconds; up to 60 are used. Default 50.
+ (void)setHeartBeatTimeInterval:(NSInteger)seconds;

#pragma mark Start and identity

/// Reads PushConfig.plist from the main bundle and starts. What is wrong with the file is named in the log and in
/// AURNetworkFailedRegisterNotification, and the SDK stays off.
/// @param launchOptions as the system gave them; a notification that started the app is reported as opened
+ (void)setupWithOption:(nullable NSDictionary *)launchOptions;
/// Starts with values from code. They win over PushConfig.plist, of which only SERVER and APP_GROUP are used then.
+ (void)setupWithOption:(nullable NSDictionary *)launchOptions
                 appKey:(NSString *)appKey
                channel:(nullable NSString *)channel
       apsForProduction:(BOOL)production;
/// Ends the work of the SDK until the next setup. What was not confirmed is kept.
+ (void)stop;

/// 19 hexadecimal characters; empty until Aurora has answered the first time. Needs neither permission nor token.
+ (NSString *)registrationID;
/// The preferred way: code 0 and the id, or why there is none.
+ (void)registrationIDCompletionHandler:(void (^)(int resCode, NSString *_Nullable registrationID))completion;

/// Off: no pushes, no in-app messages, until it is on again. Kept by Aurora. Default on.
+ (void)setPushEnable:(BOOL)enabled completion:(nullable void (^)(NSInteger code))completion;
+ (void)getPushStatus:(void (^)(NSInteger code, BOOL isStopped))completion;

#pragma mark Remote notifications

/// Passes on the token, at each launch. Before setup it is held in memory.
+ (void)registerDeviceToken:(NSData *)deviceToken;
/// Passes on the token that PushKit gave the app, from pushRegistry:didUpdatePushCredentials:forType:. Before setup it is held in
/// memory.
+ (void)registerVoIPToken:(NSData *)token;
/// Passes on the token with which a server may start live activities with attributes of a type, such as @"MatchAttributes"; nil
/// when it is not to any more. 1 to 64 bytes of UTF-8.
+ (void)registerActivityStartToken:(nullable NSData *)token type:(NSString *)attributesType completion:(nullable void (^)(NSInteger code))completion;
/// Passes on the token of a running live activity, by which a server updates and ends it, under a name of the app's choice: the
/// push's audience is {"live_activity_id": name}. nil when the activity has ended. 1 to 64 bytes of UTF-8.
+ (void)registerActivityToken:(nullable NSData *)token activity:(NSString *)name completion:(nullable void (^)(NSInteger code))completion;
/// Reports a notification: as opened when the app is on its way to the front, as received otherwise. Call it where iOS hands
/// over a payload, unless the delegate of AURPushService+Notifications.h is used, which reports by itself. Main thread.
+ (void)handleRemoteNotification:(NSDictionary *)payload;
/// The same with the event said plainly.
+ (void)reportReceived:(NSDictionary *)payload;
+ (void)reportOpened:(NSDictionary *)payload;
/// Called on the main thread for each tap, with the payload and the action's identifier (nil: the notification itself). A tap
/// that happened before, such as the one that started the app, is handed over at once.
+ (void)setTapHandler:(nullable void (^)(NSDictionary *payload, NSString *_Nullable action))handler;

#pragma mark Tags and alias

// A tag or an alias has 1 to 40 bytes of UTF-8 without commas and control characters; a device has at most 1000 tags. Calls
// are merged: the last one of a value wins, a call never has to wait for another.
+ (void)addTags:(NSSet<NSString *> *)tags completion:(nullable AURTagsCompletion)completion seq:(NSInteger)sequence;
+ (void)setTags:(NSSet<NSString *> *)tags completion:(nullable AURTagsCompletion)completion seq:(NSInteger)sequence;
+ (void)deleteTags:(NSSet<NSString *> *)tags completion:(nullable AURTagsCompletion)completion seq:(NSInteger)sequence;
+ (void)cleanTags:(nullable AURTagsCompletion)completion seq:(NSInteger)sequence;
+ (void)getAllTags:(AURTagsCompletion)completion seq:(NSInteger)sequence;
+ (void)validTag:(NSString *)tag completion:(AURTagValidCompletion)completion seq:(NSInteger)sequence;
+ (void)setAlias:(NSString *)alias completion:(nullable AURAliasCompletion)completion seq:(NSInteger)sequence;
+ (void)deleteAlias:(nullable AURAliasCompletion)completion seq:(NSInteger)sequence;
+ (void)getAlias:(AURAliasCompletion)completion seq:(NSInteger)sequence;
/// The legal ones among some tags, at most 1000.
+ (NSSet<NSString *> *)filterValidTags:(NSSet<NSString *> *)tags;

#pragma mark Badge and phone number

/// The number to which "+1" in a push adds. The icon itself is the app's business. NO, and nothing changed, outside of 0 to 99999.
+ (BOOL)setBadge:(NSInteger)value;
+ (void)resetBadge;
/// nil or "" removes it. The first character is + or a digit; at most 20 characters.
+ (void)setMobileNumber:(nullable NSString *)number completion:(nullable void (^)(NSError *_Nullable error))completion;

#pragma mark Log

/// Level Debug instead of Info.
+ (void)setDebugMode;
/// Warnings and errors only.
+ (void)setLogOFF;

@end

NS_ASSUME_NONNULL_END
