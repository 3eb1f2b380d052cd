// What the parts of AURClient share. Everything here belongs to the client's queue.
#import "AURClient.h"
#import "AURDeviceAPI.h"
#import "AURInbox.h"
#import "AURRecord.h"
#import "AURTickets.h"

NS_ASSUME_NONNULL_BEGIN

@interface AURClient () {
@package
    AUREnvironment *_env;
    AURDeviceAPI *_api;
    AURInbox *_inbox;
    AURTickets *_tickets;   // wait until values are confirmed
    AURTickets *_readers;   // wait for their turn to read the device
    AURTickets *_deliveries; // wait until nothing is left to deliver
    AURRecord *_record;
    BOOL _loaded;           // _record is what the store holds; before that it holds only what was asked for since
    BOOL _started, _stopped;
    BOOL _fetches;          // in-app messages are wanted
    BOOL _stored;           // the identity was stored since it was made
    NSError *_refused;      // final refusal of the registration
    id<AURCancellable> _request; // under way
    BOOL _busy;             // a task is under way
    id<AURCancellable> _pause;
    NSUInteger _failures;
    BOOL _hurried;          // retry was called while a task was under way: it ends the pause that may follow
    NSMutableSet<NSString *> *_handing;              // ids of in-app messages on their way to the app
    BOOL _probing;          // the device is to be read although nobody waits for it
    BOOL _announcedLogin;
}
@property (atomic, copy, readwrite) NSString *registrationID;

/// Reads the store once; what was asked for before is added to what it holds.
- (BOOL)load:(NSError **)error;
/// Stores the record. A failure is not the caller's concern: the value is held in memory, and the work tries again.
- (BOOL)save:(NSError **)error;
/// Posts an event on the callback queue.
- (void)post:(NSString *)name info:(NSDictionary *)info;
/// Notes a desired value. Call on the queue.
- (void)want:(AURChanges *)changes;
/// Queues receipts that are new, and stores them; NO if they cannot be stored now. Call on the queue.
- (BOOL)note:(NSArray<AURReceipt *> *)receipts;
/// Calls a block on the client's queue, and on the callback queue.
- (void)perform:(void (^)(void))block;
- (void)callBack:(void (^)(void))block;
/// Takes over what the service extension could not deliver. Call on the queue.
- (void)collectFromExtension;
/// The facts about app and device that are reported, with the channel.
- (AURChanges *)profile;
/// Opens or closes the inbox as is wanted.
- (void)tuneInbox;
- (AURTickets *)newTickets;
/// Why nothing can be asked of Aurora: nil while it can.
- (nullable NSError *)whyNot;
@end

/// The work in the background: one request at a time, so that the order of writes is the order of calls.
@interface AURClient (Delivery)
/// Answers all who wait with the reason why nothing can be asked.
- (void)refuseWaiters;
/// Does the next thing there is to do, if nothing is under way.
- (void)turn;
- (void)endPause;
/// What completions wait for: the pending values, and the registration while there is none.
- (NSDictionary *)unsettled;
@end

@interface AURClient (Messages) <AURInboxDelegate>
@end

NS_ASSUME_NONNULL_END
