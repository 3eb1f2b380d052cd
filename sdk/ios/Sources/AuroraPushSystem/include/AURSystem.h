// What the core needs, made of the system: the adapters behind its protocols.
#import "AURClient.h"

NS_ASSUME_NONNULL_BEGIN

@interface AURSystem : NSObject
/// The running app, with its main bundle: NSURLSession, a file in Application Support, timers on the main run loop, the main
/// thread for callbacks. No app group yet.
+ (AUREnvironment *)environment;
@end

NS_ASSUME_NONNULL_END
