// A JPUSHRegisterDelegate as an AURPushDelegate; private to the SDK.
#import "JPUSHService.h"

#if TARGET_OS_IPHONE
NS_ASSUME_NONNULL_BEGIN

@interface JPUSHDelegateAdapter : NSObject <AURPushDelegate>
/// Kept for the life of the process; the delegate itself is not retained.
+ (instancetype)adapterFor:(nullable id<JPUSHRegisterDelegate>)delegate;
@end

NS_ASSUME_NONNULL_END
#endif
