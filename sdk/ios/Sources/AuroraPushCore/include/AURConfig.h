// Which app this is and where its Aurora runs.
#import <Foundation/Foundation.h>

NS_ASSUME_NONNULL_BEGIN

/// The content of PushConfig.plist. Immutable.
@interface AURConfig : NSObject <NSCopying>
/// Where the app was obtained, such as "App Store"; 1–255 bytes, free text for statistics.
@property (nonatomic, copy, readonly) NSString *channel;
/// 24 lower-case letters and digits, from the app's page in the console.
@property (nonatomic, copy, readonly) NSString *appKey;
/// YES for App Store and TestFlight builds: decides to which APNs the device token belongs.
@property (nonatomic, readonly) BOOL production;
/// Base URL of Aurora, http or https, an optional path prefix, no query. Empty when the file names none.
@property (nonatomic, copy, readonly) NSString *server;
/// APP_GROUP of the file: the app group shared with the service extension; nil when the file names none.
@property (nonatomic, copy, readonly, nullable) NSString *appGroup;

- (instancetype)initWithAppKey:(NSString *)appKey channel:(NSString *)channel production:(BOOL)production server:(NSString *)server NS_DESIGNATED_INITIALIZER;
- (instancetype)init NS_UNAVAILABLE;

/// Reads a PushConfig.plist, XML or binary, of at most 64 KiB. CHANNEL, APP_KEY and APS_FOR_PRODUCTION ("0", "1", a boolean
/// or an integer) are required; SERVER and APP_GROUP are optional, since the app may name them in code; other keys are ignored.
/// @return nil with AURErrorConfiguration, which names every key at fault and says what to write there.
+ (nullable instancetype)configWithPropertyList:(NSData *)data error:(NSError **)error;

/// Checks values that were put together in code; here the server is required too.
- (BOOL)check:(NSError **)error;
@end

NS_ASSUME_NONNULL_END
