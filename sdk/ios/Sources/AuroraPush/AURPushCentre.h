// The state behind AURPushService's class methods; private to the SDK.
#import "AURClient.h"
#import "AURHeldTaps.h"
#import "AURPushService.h"

NS_ASSUME_NONNULL_BEGIN

/// What the app is doing, as far as the SDK cares.
typedef NS_ENUM(NSInteger, AURAppState) {
    AURAppActive,
    AURAppInactive,   ///< on its way to the front or away from it
    AURAppBackground,
};

/// Thread-safe: everything mutable is guarded by @synchronized(self), and no block is called while it is held.
@interface AURPushCentre : NSObject

+ (instancetype)shared;

@property (atomic, copy, nullable) NSString *server, *appGroup;
@property (atomic) BOOL backgroundEnabled;
@property (atomic) NSInteger heartbeat;
@property (atomic) AURAppState appState;
/// Whether the SDK is the delegate of the notification centre, so that taps come to it by themselves.
@property (atomic) BOOL receivesTaps;
@property (nonatomic, readonly) AURHeldTaps *taps;
/// The running client; nil before setup and after stop.
@property (atomic, readonly, nullable) AURClient *client;
/// Why there is no client.
@property (atomic, readonly) NSError *problem;

/// Reads the plist and starts. appKey nil: everything comes from the file.
- (void)setUpWithOption:(nullable NSDictionary *)launchOptions appKey:(nullable NSString *)appKey channel:(nullable NSString *)channel production:(BOOL)production;
- (void)stop;

/// Passes on a token, or keeps the latest until setup.
- (void)registerDeviceToken:(NSData *)token;
- (void)registerVoIPToken:(NSData *)token;
/// Whether tokens belong to the production APNs. Known after setup.
@property (nonatomic, readonly) BOOL productionTokens;
/// Notes events, or keeps them until setup.
- (void)noteReceived:(NSDictionary *)payload;
- (void)noteOpened:(NSDictionary *)payload;

// For tests: what replaces the running app's surroundings. Set before setup.
@property (atomic, nullable) AUREnvironment *environment;
@property (atomic, nullable) NSBundle *bundle;
/// Forgets everything, as a new process has.
+ (void)restart;

@end

NS_ASSUME_NONNULL_END
