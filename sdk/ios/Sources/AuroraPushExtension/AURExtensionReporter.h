// Receipts from a notification service extension.
#import <Foundation/Foundation.h>
#import "AURClient.h"
#import "AURReceiptQueue.h"

NS_ASSUME_NONNULL_BEGIN

/// Says that a notification arrived while the app may not be running. The receipt is queued in the app group first and then
/// sent in one short request with the identity that the app has shared; when that fails, or the system ends the extension,
/// the app delivers it later. Thread-safe.
@interface AURExtensionReporter : NSObject
/// @param environment only transport, clock, queue, callbacks and receiptQueue are used
- (instancetype)initWithAppKey:(NSString *)appKey environment:(AUREnvironment *)environment NS_DESIGNATED_INITIALIZER;
- (instancetype)init NS_UNAVAILABLE;

/// Calls completion exactly once, on the callback queue, at the latest after AURExtensionTimeout seconds.
- (void)reportReceived:(NSDictionary *)payload completion:(void (^)(void))completion;
@end

/// Well below the 30 s that the system allows.
extern const NSTimeInterval AURExtensionTimeout;

NS_ASSUME_NONNULL_END
